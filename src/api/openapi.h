/* SPDX-License-Identifier: Apache-2.0 */
/* What the build makes of openapi.json (see Makefile.am). */
#ifndef TMF_API_OPENAPI_H
#define TMF_API_OPENAPI_H

/* The document, a template of model/json_template.h whose settings openapi.c knows. */
extern const char tmf_openapi_template[];

#endif
