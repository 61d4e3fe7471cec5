/** Shows the API's document with Scalar, whose script has run before this one. Nothing is asked of any other server. */

/** What is used of Scalar's script. */
type Scalar = {
  createApiReference(selector: string, configuration: Readonly<Record<string, unknown>>): unknown;
};

const { Scalar } = window as unknown as { Scalar: Scalar };

Scalar.createApiReference("#reference", {
  url: new URL("openapi.json", document.baseURI).href,
  documentDownloadType: "json",
  // Fonts, search by a language model, tools and counting would be asked of Scalar's servers.
  withDefaultFonts: false,
  agent: { disabled: true },
  mcp: { disabled: true },
  telemetry: false,
  hideClientButton: true,
  showDeveloperTools: "never",
  // A key that is typed in is gone with the page.
  persistAuth: false,
});
