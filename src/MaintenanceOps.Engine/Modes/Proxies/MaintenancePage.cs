using System.Net;

namespace MaintenanceOps.Engine.Modes.Proxies;

/// <summary>What people and programs are told while the application is closed.</summary>
internal static class MaintenancePage
{
    /// <summary>One file without script and without anything from elsewhere: elsewhere may be closed too.</summary>
    public static string Html(string title, string message, long seconds) => $$"""
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="robots" content="noindex">
        <meta name="color-scheme" content="light dark">
        <title>{{WebUtility.HtmlEncode(title)}}</title>
        <style>
        :root { --paper: #f6f6f3; --card: #fff; --ink: #22252b; --soft: #5a606b; --line: #dcdcd5; --mark: #9a6700; }
        @media (prefers-color-scheme: dark) {
          :root { --paper: #15171b; --card: #1e2127; --ink: #e8e9ec; --soft: #a6acb8; --line: #343943; --mark: #e3b341; }
        }
        body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--paper); color: var(--ink);
          font: 1.0625rem/1.6 system-ui, sans-serif; }
        main { box-sizing: border-box; width: min(34rem, calc(100% - 2rem)); margin: 2rem 0; padding: 2rem 2.25rem; background: var(--card);
          border: 1px solid var(--line); border-top: 4px solid var(--mark); border-radius: 10px; }
        h1 { margin: 0 0 .75rem; font-size: 1.6rem; line-height: 1.25; overflow-wrap: anywhere; }
        p { margin: 0 0 .75rem; overflow-wrap: anywhere; }
        p:last-child { margin: 0; color: var(--soft); }
        </style>
        </head>
        <body>
        <main>
        <h1>{{WebUtility.HtmlEncode(title)}}</h1>
        <p>{{WebUtility.HtmlEncode(message)}}</p>
        <p>Please come back in about {{Words(seconds)}}. What you sent just now has not been received.</p>
        </main>
        </body>
        </html>

        """;

    public static string Json(long seconds) => $$"""{"status":"maintenance","retryAfterSeconds":{{seconds}}}""" + "\n";

    private static string Words(long seconds) => seconds switch
    {
        < 90 => Count(seconds, "second"),
        < 90 * 60 => Count((seconds + 59) / 60, "minute"),
        < 36 * 3600 => Count((seconds + 3599) / 3600, "hour"),
        _ => Count((seconds + 86399) / 86400, "day"),
    };

    private static string Count(long number, string unit) => number == 1 ? $"1 {unit}" : $"{number} {unit}s";
}
