using System.Globalization;
using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Storage;
using MaintenanceOps.FaultHost;

// FaultHost SCENARIO FOLDER STEP MODE: carries out a scenario and dies at the given step that changes the disk.
// Step 0 dies nowhere and prints the steps there are.
// FaultHost SOAK FOLDER SEED: does what a soak test wants of a process, until it is told to stop.
var step = int.Parse(args[2], CultureInfo.InvariantCulture);
if (SoakWriters.Names.Contains(args[0]))
{
    SoakWriters.Run(args[0], args[1], step);
    return 0;
}

var mode = Enum.Parse<FaultMode>(args[3]);
var fault = new StepCounter(step, mode, mode == FaultMode.Sleep ? FallAsleep : Die);
DurableFiles.Default = new FaultyFiles(fault);
TreeAccess.Current = new FaultyTreeAccess(TreeAccess.Current, fault);
Action<string, string> run = ModeScenarios.Names.Contains(args[0]) ? ModeScenarios.Run : Scenarios.Run;
run(args[0], args[1]);
Console.WriteLine(fault.Steps);
return 0;

static void FallAsleep()
{
    using var stop = System.Diagnostics.Process.Start("kill", ["-STOP", Environment.ProcessId.ToString(CultureInfo.InvariantCulture)]);
    stop.WaitForExit();
}

static void Die()
{
    // SIGKILL: no finally block, no flush, no handler.
    System.Diagnostics.Process.GetCurrentProcess().Kill();
    Thread.Sleep(Timeout.Infinite);
}
