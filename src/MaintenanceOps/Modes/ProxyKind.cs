namespace MaintenanceOps;

/// <summary>A web server or proxy that can be told to heed the flag of maintenance mode.</summary>
public enum ProxyKind
{
    /// <summary>nginx looks at the flag itself, at each request.</summary>
    Nginx,

    /// <summary>Traefik cannot look at files: it asks a small nginx beside it.</summary>
    Traefik,

    /// <summary>Caddy looks at the flag itself, at each request.</summary>
    Caddy,

    /// <summary>HAProxy looks at the flag at each request, with a few lines of Lua.</summary>
    HAProxy,
}
