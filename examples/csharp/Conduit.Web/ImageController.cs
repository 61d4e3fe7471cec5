using Conduit.Client;
using Microsoft.AspNetCore.Mvc;

namespace Conduit.Web;

public sealed record GenerateBody(string Prompt, string? Model, string? Size);

[ApiController]
[Route("api/image")]
public sealed class ImageController(ResilientConduitClient conduit) : ControllerBase
{
    /// <summary>Answers <c>{taskId}</c>, or 400 <c>{error}</c>.</summary>
    [HttpPost("generate")]
    public async Task<IActionResult> Generate(GenerateBody body, CancellationToken cancellationToken)
    {
        try
        {
            var taskId = await conduit.GenerateImageWithRetryAsync(
                new ImageGenerationRequest { Model = body.Model ?? "local/canvas", Prompt = body.Prompt, Size = body.Size },
                cancellationToken);
            return Ok(new { taskId });
        }
        catch (Exception error) when (error is HttpRequestException or TimeoutException or InvalidOperationException)
        {
            return BadRequest(new { error = error.Message });
        }
    }
}
