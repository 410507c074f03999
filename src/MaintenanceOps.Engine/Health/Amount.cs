using System.Globalization;

namespace MaintenanceOps.Engine.Health;

/// <summary>A bound on what is left of something: a share such as <c>20%</c>, or bytes such as <c>10GiB</c>.</summary>
public readonly record struct Amount
{
    /// <summary>A smaller number without a unit was meant as a share.</summary>
    private const double SmallestBare = 1 << 20;

    private static readonly (string Unit, double Bytes)[] Units =
    [
        ("KIB", 1L << 10), ("MIB", 1L << 20), ("GIB", 1L << 30), ("TIB", 1L << 40),
        ("KB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12), ("B", 1),
    ];

    /// <summary>The share, from 0 to 1; null where bytes were given.</summary>
    public double? Share { get; private init; }

    /// <summary>The bytes; null where a share was given.</summary>
    public long? Bytes { get; private init; }

    /// <summary>A share.</summary>
    public static Amount OfShare(double share) => new() { Share = share };

    /// <summary>Reads <c>20%</c>, <c>10GiB</c>, <c>500MB</c> or a number of bytes.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>.</exception>
    public static Amount Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var trimmed = text.Trim().ToUpperInvariant();
        if (trimmed.EndsWith('%') && Number(trimmed[..^1]) is { } percent and >= 0 and <= 100)
        {
            return new Amount { Share = percent / 100 };
        }

        var (unit, factor) = Units.FirstOrDefault(u => trimmed.EndsWith(u.Unit, StringComparison.Ordinal), ("", 1));
        return Number(trimmed[..^unit.Length]) is { } number and >= 0 && number * factor < long.MaxValue && (unit.Length > 0 || number is 0 or >= SmallestBare)
            ? new Amount { Bytes = (long)(number * factor) }
            : throw new MaintenanceException(ErrorCode.InvalidArgument, $"'{text}' is no amount. Write a share such as 20%, or a size such as 10GiB.", text);
    }

    /// <summary>Reads a share, from 0 to 1, and nothing else.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>.</exception>
    public static double ParseShare(string text) => Parse(text).Share ?? throw new MaintenanceException(ErrorCode.InvalidArgument, $"'{text}' is a size. Write a share such as 25%.", text);

    /// <summary>Reads bytes, and nothing else.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>.</exception>
    public static long ParseSize(string text) => Parse(text).Bytes ?? throw new MaintenanceException(ErrorCode.InvalidArgument, $"'{text}' is a share. Write a size such as 500MiB.", text);

    /// <summary>Whether less than this is left.</summary>
    public bool IsMoreThan(long left, long whole) => Share is { } share ? left < share * whole : left < Bytes;

    /// <inheritdoc/>
    public override string ToString() => Share is { } share ? string.Create(CultureInfo.InvariantCulture, $"{share * 100:0.##} %") : ByteSize.Format(Bytes ?? 0);

    private static double? Number(string text) =>
        double.TryParse(text.Trim(), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) ? number : null;
}
