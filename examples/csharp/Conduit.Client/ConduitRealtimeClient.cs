using System.Collections.Concurrent;
using Microsoft.AspNetCore.SignalR;
using Microsoft.AspNetCore.SignalR.Client;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Conduit.Client;

/// <summary>Creates tasks and follows them over one connection to the tasks hub, with reconnects that lose and double nothing.</summary>
/// <remarks>Events are raised one after the other from the connection's own loop: a handler that blocks holds up the others.</remarks>
public sealed class ConduitRealtimeClient : IAsyncDisposable
{
    private const int ReconnectAttempts = 5;

    private readonly string _virtualKey;
    private readonly Uri _hubUrl;
    private readonly ILogger _logger;
    private readonly TaskCreator _tasks;
    private readonly ConcurrentDictionary<string, Followed> _followed = new(StringComparer.OrdinalIgnoreCase);
    private readonly SemaphoreSlim _connecting = new(1, 1);
    private HubConnection? _connection;

    public ConduitRealtimeClient(string virtualKey, string baseUrl, ILogger<ConduitRealtimeClient>? logger = null)
    {
        _virtualKey = virtualKey;
        _hubUrl = new Uri(new Uri(baseUrl), "/hubs/tasks");
        _logger = logger ?? NullLogger<ConduitRealtimeClient>.Instance;
        _tasks = new TaskCreator(virtualKey, baseUrl);
    }

    public event EventHandler<HubType>? Connected;

    /// <summary>The gateway could not be reached again, or refuses the key. Not raised by <see cref="DisposeAsync"/>.</summary>
    public event EventHandler<Exception?>? Disconnected;

    public event EventHandler<Exception?>? Reconnecting;

    /// <summary>With the id of the new connection.</summary>
    public event EventHandler<string?>? Reconnected;

    public event EventHandler<ProgressUpdate>? Progress;

    public event EventHandler<TaskResult>? Completed;

    /// <summary>Failed, or cancelled.</summary>
    public event EventHandler<TaskResult>? Failed;

    /// <summary>What no call can throw, such as a task that is gone when the hub is reached again.</summary>
    public event EventHandler<Exception>? Error;

    public bool IsConnected => _connection?.State == HubConnectionState.Connected;

    /// <summary>Replaces the connection there is; tasks that are followed stay so. One connection serves pictures and films.</summary>
    public async Task ConnectAsync(HubType hubType, CancellationToken cancellationToken = default)
    {
        await _connecting.WaitAsync(cancellationToken);
        try
        {
            await CloseAsync();
            var connection = Build();
            try
            {
                await connection.StartAsync(cancellationToken);
            }
            catch
            {
                await connection.DisposeAsync();
                throw;
            }

            _connection = connection;
            await SubscribeAgainAsync(connection);
        }
        finally
        {
            _connecting.Release();
        }

        _logger.LogInformation("Connected to {Hub}", _hubUrl);
        Connected?.Invoke(this, hubType);
    }

    /// <summary>The id of the task, which is followed when this client is connected.</summary>
    public Task<string> GenerateImageAsync(ImageGenerationRequest request, CancellationToken cancellationToken = default) =>
        GenerateAsync("/v1/images/generations/async", request, cancellationToken);

    /// <summary>The same for a film.</summary>
    public Task<string> GenerateVideoAsync(VideoGenerationRequest request, CancellationToken cancellationToken = default) =>
        GenerateAsync("/v1/videos/generations/async", request, cancellationToken);

    /// <summary>Follows a task until its end; its state comes first. Again is no error.</summary>
    public async Task SubscribeToTaskAsync(string taskId, CancellationToken cancellationToken = default)
    {
        var connection = RequireConnection();
        if (!_followed.TryAdd(taskId, new Followed()))
        {
            return;
        }

        try
        {
            await connection.InvokeAsync("Subscribe", taskId.ToLowerInvariant(), cancellationToken);
        }
        catch
        {
            _followed.TryRemove(taskId, out _);
            throw;
        }
    }

    public async Task UnsubscribeFromTaskAsync(string taskId, CancellationToken cancellationToken = default)
    {
        var connection = RequireConnection();
        _followed.TryRemove(taskId, out _);
        await connection.InvokeAsync("Unsubscribe", taskId.ToLowerInvariant(), cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        _tasks.Dispose();
        _connecting.Dispose();
    }

    private async Task<string> GenerateAsync<TRequest>(string path, TRequest request, CancellationToken cancellationToken)
        where TRequest : GenerationRequest
    {
        var taskId = await _tasks.CreateAsync(path, request, cancellationToken);
        if (IsConnected)
        {
            try
            {
                await SubscribeToTaskAsync(taskId, cancellationToken);
            }
            catch (Exception error) when (error is not OperationCanceledException)
            {
                // The task was accepted: that is what the caller has to know.
                Error?.Invoke(this, error);
            }
        }

        return taskId;
    }

    private HubConnection Build()
    {
        var connection = new HubConnectionBuilder()
            .WithUrl(_hubUrl, options => options.AccessTokenProvider = () => Task.FromResult<string?>(_virtualKey))
            .WithAutomaticReconnect(new ReconnectPolicy(ReconnectAttempts))
            .Build();
        connection.On<HubEvent>("TaskEvent", Heard);
        connection.Reconnecting += error =>
        {
            Reconnecting?.Invoke(this, error);
            return Task.CompletedTask;
        };
        connection.Reconnected += async id =>
        {
            await SubscribeAgainAsync(connection);
            Reconnected?.Invoke(this, id);
        };
        connection.Closed += error =>
        {
            // One that was replaced or disposed of says nothing.
            if (ReferenceEquals(connection, _connection))
            {
                _logger.LogWarning(error, "Disconnected from {Hub}", _hubUrl);
                Disconnected?.Invoke(this, error);
            }

            return Task.CompletedTask;
        };
        return connection;
    }

    /// <summary>A new connection follows nothing yet. Each task goes on behind what was heard of it last.</summary>
    private async Task SubscribeAgainAsync(HubConnection connection)
    {
        foreach (var (taskId, followed) in _followed)
        {
            try
            {
                await connection.InvokeAsync("Subscribe", taskId.ToLowerInvariant(), followed.Position);
            }
            catch (Exception error) when (error is HubException && connection.State == HubConnectionState.Connected)
            {
                // The task is gone. Where the connection is, the next one subscribes.
                _followed.TryRemove(taskId, out _);
                Error?.Invoke(this, error);
            }
            catch (Exception error)
            {
                _logger.LogDebug(error, "The connection was lost again while subscribing");
                return;
            }
        }
    }

    private void Heard(HubEvent heard)
    {
        var state = heard.State;
        // A reset names no task; a snapshot follows it.
        if (state.TaskId is null || !_followed.TryGetValue(state.TaskId, out var followed))
        {
            return;
        }

        followed.Position = heard.Id;
        if (state.IsOver)
        {
            // Whoever removes it tells it: once.
            if (_followed.TryRemove(state.TaskId, out _))
            {
                var result = state.ToResult();
                (result.Status == TaskOutcome.Completed ? Completed : Failed)?.Invoke(this, result);
            }

            return;
        }

        if (state.Progress >= followed.Progress)
        {
            followed.Progress = state.Progress;
            Progress?.Invoke(this, state.ToProgress());
        }
    }

    private HubConnection RequireConnection() =>
        IsConnected ? _connection! : throw new InvalidOperationException("Not connected to hub");

    private async Task CloseAsync()
    {
        var connection = _connection;
        _connection = null;
        if (connection is not null)
        {
            await connection.DisposeAsync();
        }
    }

    private sealed class Followed
    {
        /// <summary>Of the last event.</summary>
        public string? Position { get; set; }

        public int Progress { get; set; }
    }
}
