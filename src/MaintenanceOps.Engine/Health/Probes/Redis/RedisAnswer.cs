namespace MaintenanceOps.Engine.Health.Probes.Redis;

/// <summary>What a Redis server says to a command.</summary>
/// <param name="IsError">It refuses; the text begins with a word for the kind of error, such as <c>NOAUTH</c>.</param>
/// <param name="Text">What it says; empty for nothing.</param>
internal readonly record struct RedisAnswer(bool IsError, string Text)
{
    public bool IsErrorOf(params ReadOnlySpan<string> kinds)
    {
        foreach (var kind in kinds)
        {
            if (IsError && Text.StartsWith($"{kind} ", StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }
}
