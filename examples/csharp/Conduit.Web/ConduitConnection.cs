using Conduit.Client;

namespace Conduit.Web;

/// <summary>Keeps the client connected for as long as the site runs, and logs what becomes of tasks.</summary>
public sealed class ConduitConnection(ConduitRealtimeClient client, ILogger<ConduitConnection> logger) : BackgroundService
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(60);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var lost = new SemaphoreSlim(0);
        EventHandler<Exception?> onLost = (_, _) => lost.Release();
        client.Disconnected += onLost;
        client.Completed += OnCompleted;
        client.Failed += OnFailed;
        try
        {
            while (true)
            {
                await ConnectAsync(stoppingToken);
                await lost.WaitAsync(stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The site stops.
        }
        finally
        {
            client.Disconnected -= onLost;
            client.Completed -= OnCompleted;
            client.Failed -= OnFailed;
        }
    }

    /// <summary>The client reconnects by itself, but neither at the start nor after it has given up.</summary>
    private async Task ConnectAsync(CancellationToken stoppingToken)
    {
        for (var wait = TimeSpan.FromSeconds(1); !client.IsConnected; wait = Min(wait * 2, LongestWait))
        {
            try
            {
                await client.ConnectAsync(HubType.Image, stoppingToken);
            }
            catch (Exception error) when (!stoppingToken.IsCancellationRequested)
            {
                logger.LogWarning(error, "Conduit cannot be reached; the next try is in {Wait}", wait);
                await Task.Delay(wait, stoppingToken);
            }
        }
    }

    private void OnCompleted(object? sender, TaskResult result) =>
        logger.LogInformation("Task {TaskId} is completed: {Url}", result.TaskId, result.ImageUrl ?? result.VideoUrl);

    private void OnFailed(object? sender, TaskResult result) =>
        logger.LogWarning("Task {TaskId} has ended as {Status}: {Error}", result.TaskId, result.Status, result.Error);

    private static TimeSpan Min(TimeSpan one, TimeSpan other) => one < other ? one : other;
}
