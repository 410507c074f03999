using System.Text;

namespace MaintenanceOps.Engine.Programs;

/// <summary>
/// What a program says. It is read to the end, so that the program is never held up; the beginning is kept, and can be had
/// before the end, which a process that was left behind may put off for ever.
/// </summary>
internal sealed class SaidByProgram
{
    private const int MostKept = 64 * 1024;
    private readonly StringBuilder text = new();

    public SaidByProgram(StreamReader reader) => End = Read(reader);

    public Task End { get; }

    public override string ToString()
    {
        lock (text)
        {
            return text.ToString();
        }
    }

    private async Task Read(StreamReader reader)
    {
        var buffer = new char[4096];
        while (await reader.ReadAsync(buffer).ConfigureAwait(false) is > 0 and var read)
        {
            lock (text)
            {
                text.Append(buffer, 0, Math.Min(read, MostKept - text.Length));
            }
        }
    }
}
