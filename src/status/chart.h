/* SPDX-License-Identifier: Apache-2.0 */
/* A chart of the last hour as SVG within a page: bars that stand on each other, or lines on a
 * logarithmic scale. Its colours are classes of the style (style.c). */
#ifndef TMF_STATUS_CHART_H
#define TMF_STATUS_CHART_H

#include "status/overview.h"

#define TMF_CHART_SERIES_MAX 3

typedef struct {
    const char *name;                                   /* in the legend */
    const char *style;                                  /* class */
    double (*value)(const tmf_status_minute_t *minute); /* negative = none */
} tmf_series_t;

typedef struct {
    const char *title; /* with the unit */
    const char *empty; /* what to say when there is nothing to draw */
    int is_duration;   /* lines on a logarithmic scale, of seconds; else bars of counts */
    int series_count;
    tmf_series_t series[TMF_CHART_SERIES_MAX];
} tmf_chart_t;

/* Appends the chart as a <figure>. */
void tmf_chart_write(tmf_text_t *html, const tmf_chart_t *chart,
                     const tmf_status_minute_t *minutes);

#endif
