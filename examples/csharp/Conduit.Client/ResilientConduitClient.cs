using Microsoft.AspNetCore.SignalR;

namespace Conduit.Client;

/// <summary>Creates pictures through bad days: connects where that is needed, and tries three times more, after 2, 4 and 8 s.</summary>
public sealed class ResilientConduitClient(ConduitRealtimeClient client)
{
    private static readonly TimeSpan[] Waits = [TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(4), TimeSpan.FromSeconds(8)];

    /// <summary>The id of the task. Throws what the last try met; what no repeat can put right is thrown at once.</summary>
    public async Task<string> GenerateImageWithRetryAsync(
        ImageGenerationRequest request, CancellationToken cancellationToken = default)
    {
        // One key for all tries: a task whose answer was lost is found again, and none is made twice.
        var keyed = request with { IdempotencyKey = request.IdempotencyKey ?? Guid.NewGuid().ToString() };
        for (var previous = 0; ; previous++)
        {
            try
            {
                if (!client.IsConnected)
                {
                    await client.ConnectAsync(HubType.Image, cancellationToken);
                }

                var taskId = await client.GenerateImageAsync(keyed, cancellationToken);
                return taskId.Length > 0 ? taskId : throw new InvalidOperationException("The gateway's answer has no task id");
            }
            catch (Exception error) when (previous < Waits.Length && IsPassing(error, cancellationToken))
            {
                await Task.Delay(Waits[previous], cancellationToken);
            }
        }
    }

    private static bool IsPassing(Exception error, CancellationToken cancellationToken) => error switch
    {
        ConduitException refused => refused.IsPassing,
        // Of the hub's negotiation, where the status says as much.
        HttpRequestException { StatusCode: { } status } => (int)status is 408 or 429 or >= 500,
        HttpRequestException or TimeoutException or InvalidOperationException or HubException => true,
        OperationCanceledException => !cancellationToken.IsCancellationRequested,
        _ => false,
    };
}
