using System.Net;
using System.Text;

namespace MaintenanceOps.Engine.Tests.Modes.Proxies;

/// <summary>An application behind the web server: it answers 200 and tells what it was asked; <c>/broken</c> answers 502.</summary>
internal sealed class SmallApplication : IDisposable
{
    private readonly HttpListener listener = new();

    public SmallApplication()
    {
        Port = RunningProxy.FreePort();
        listener.Prefixes.Add($"http://127.0.0.1:{Port}/");
        listener.Start();
        _ = Serve();
    }

    public int Port { get; }

    public void Dispose() => listener.Close();

    private async Task Serve()
    {
        while (listener.IsListening)
        {
            try
            {
                var context = await listener.GetContextAsync();
                var answer = Encoding.UTF8.GetBytes($"the application at {context.Request.RawUrl}");
                context.Response.StatusCode = context.Request.Url!.AbsolutePath == "/broken" ? 502 : 200;
                context.Response.ContentLength64 = answer.Length;
                if (context.Request.HttpMethod != "HEAD")
                {
                    await context.Response.OutputStream.WriteAsync(answer);
                }

                context.Response.Close();
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException or InvalidOperationException)
            {
                // Closed, or a client that did not wait.
            }
        }
    }
}
