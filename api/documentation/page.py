"""The page around Swagger UI: no inline script, nothing fetched from anywhere else."""

HTML = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>loopctl API - swagger</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" type="image/png" sizes="32x32" href="/swaggerui/favicon-32x32.png">
<link rel="icon" type="image/png" sizes="16x16" href="/swaggerui/favicon-16x16.png">
<link rel="stylesheet" href="/swaggerui/swagger-ui.css">
<link rel="stylesheet" href="/swaggerui/index.css">
</head>
<body>
<div id="swagger-ui"></div>
<noscript>The document itself is at <a href="/api/v1/openapi">/api/v1/openapi</a>.</noscript>
<script src="/swaggerui/swagger-ui-bundle.js"></script>
<script src="/swaggerui/start.js"></script>
</body>
</html>
"""

# The validator badge would send the document's address to a public service, and a link in it would be a way out.
SCRIPT = """"use strict";
window.addEventListener("load", function () {
  window.ui = SwaggerUIBundle({
    url: "/api/v1/openapi",
    dom_id: "#swagger-ui",
    deepLinking: true,
    validatorUrl: null,
    queryConfigEnabled: false,
    persistAuthorization: false,
    withCredentials: false,
    presets: [SwaggerUIBundle.presets.apis],
    layout: "BaseLayout"
  });
});
"""
