// A site that makes pictures; the virtual key stays on the server:
//
//   CONDUIT_KEY=condt_… dotnet run --project Conduit.Web
//   curl http://localhost:5000/api/image/generate -H "content-type: application/json" -d '{"prompt":"a fox"}'
using Conduit.Client;
using Conduit.Web;
using Microsoft.AspNetCore.Mvc;

var builder = WebApplication.CreateBuilder(args);
builder.Services.AddSingleton(services =>
{
    var settings = services.GetRequiredService<IConfiguration>();
    // `Conduit:VirtualKey` comes from user secrets or the variable Conduit__VirtualKey; never from a file in the repository.
    var key = settings["CONDUIT_KEY"] ?? settings["Conduit:VirtualKey"];
    return new ConduitRealtimeClient(
        key ?? throw new InvalidOperationException("Conduit:VirtualKey is not set"),
        settings["CONDUIT_URL"] ?? settings["Conduit:ApiUrl"] ?? "http://localhost:8787",
        services.GetRequiredService<ILogger<ConduitRealtimeClient>>());
});
builder.Services.AddSingleton<ResilientConduitClient>();
builder.Services.AddHostedService<ConduitConnection>();
builder.Services.AddControllers().ConfigureApiBehaviorOptions(options =>
    options.InvalidModelStateResponseFactory = context => new BadRequestObjectResult(new
    {
        error = string.Join(' ', context.ModelState.Values.SelectMany(field => field.Errors).Select(error => error.ErrorMessage)),
    }));

var app = builder.Build();
app.MapControllers();
app.Run();
