namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep;

/// <summary>A rule cannot see what it is about; it becomes a finding and never leaves the inspection.</summary>
internal sealed class NotLookedAtException(string reason) : Exception(reason);
