using Xunit;

namespace MaintenanceOps.Engine.Tests.Support;

/// <summary>
/// What ends within a second does so where the machine has a moment for it: of a few attempts one has to, and the others may
/// have met other tests.
/// </summary>
internal static class Promptly
{
    private const int Attempts = 5;
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    /// <param name="attempt">Tells how long it took from the request to its end.</param>
    public static void Ends(Func<TimeSpan> attempt)
    {
        var took = new List<TimeSpan>();
        while (took.Count < Attempts && !took.Exists(t => t < Second))
        {
            took.Add(attempt());
        }

        Assert.True(took.Exists(t => t < Second), string.Join(", ", took));
    }
}
