// SPDX-License-Identifier: Apache-2.0
// Swagger UI about the API that index.html links to.
SwaggerUIBundle({
  dom_id: "#console",
  url: document.querySelector("link[rel=service-desc]").href,
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  validatorUrl: null, // the description is sent to nobody
});
