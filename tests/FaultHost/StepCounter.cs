namespace MaintenanceOps.FaultHost;

/// <summary>When, within a step, the fault comes.</summary>
internal enum FaultMode
{
    /// <summary>The step is not carried out.</summary>
    Before,

    /// <summary>A write is carried out for its first half.</summary>
    Half,

    /// <summary>The process stops and carries the step out when somebody lets it go on: a machine that sleeps.</summary>
    Sleep,
}

/// <summary>Counts the steps that change the disk and strikes at one of them, or at several in a row.</summary>
internal sealed class StepCounter(int strikeAt, FaultMode mode, Action strike, int strikes = 1)
{
    private readonly System.Text.StringBuilder steps = new();

    /// <summary>One letter a step: <c>w</c> for a write, which can stop half-way, <c>s</c> for any other.</summary>
    public string Steps
    {
        get
        {
            lock (steps)
            {
                return steps.ToString();
            }
        }
    }

    public void Step(Action action, Action? half = null)
    {
        int number;
        lock (steps)
        {
            steps.Append(half is null ? 's' : 'w');
            number = steps.Length;
        }

        if (number < strikeAt || number >= strikeAt + strikes)
        {
            action();
            return;
        }

        if (mode == FaultMode.Half)
        {
            half?.Invoke();
        }

        strike();
        if (mode == FaultMode.Sleep)
        {
            action();
        }
    }

    public T Step<T>(Func<T> action)
    {
        T result = default!;
        Step(() => { result = action(); });
        return result;
    }
}
