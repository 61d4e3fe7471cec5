using Microsoft.AspNetCore.SignalR.Client;

namespace Conduit.Client;

/// <summary>
/// 1, 2, 4 … s and 30 at most, of which half is random: clients that were cut off together do not come back together. Ends after
/// <paramref name="attempts"/>.
/// </summary>
public sealed class ReconnectPolicy(int attempts) : IRetryPolicy
{
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);

    public TimeSpan? NextRetryDelay(RetryContext context) =>
        context.PreviousRetryCount < attempts ? Delay((int)context.PreviousRetryCount) : null;

    internal static TimeSpan Delay(int previous)
    {
        var most = TimeSpan.FromSeconds(Math.Min(Math.Pow(2, previous), Longest.TotalSeconds));
        return most * (0.5 + (Random.Shared.NextDouble() / 2));
    }
}
