/* SPDX-License-Identifier: Apache-2.0 */
#include "status/chart.h"

#include <math.h>
#include <stdio.h>

#include "status/markup.h"

/* The drawing in its own units, which are about pixels. */
#define WIDTH      380
#define HEIGHT     146
#define LEFT       46.0
#define RIGHT      376.0
#define TOP        10.0
#define BOTTOM     124.0
#define SLOT       ((RIGHT - LEFT) / TMF_MINUTES)
#define BAR        (SLOT - 1.2)
#define BAR_LEAST  1.5 /* what there is can be seen */
#define LABEL_SIZE 32

/* From `low` at the bottom to `high` at the top. */
typedef struct {
    double low; /* 0, or a power of ten when the scale is logarithmic */
    double high;
    int is_logarithmic;
} scale_t;

static double left_of(int minute)
{
    return LEFT + SLOT * minute;
}

static double height_of(const scale_t *scale, double value)
{
    double share = scale->is_logarithmic
                       ? log10(value / scale->low) / log10(scale->high / scale->low)
                       : value / scale->high;

    return (BOTTOM - TOP) * fmin(fmax(share, 0), 1);
}

static double sum_of(const tmf_chart_t *chart, const tmf_status_minute_t *minute)
{
    double sum = 0;
    int i;

    for (i = 0; i < chart->series_count; i++) {
        sum += chart->series[i].value(minute);
    }
    return sum;
}

/* 0 to the next of 2, 4, 10, 20, 40, 100…, whose halves are whole numbers. */
static scale_t scale_of_counts(const tmf_chart_t *chart, const tmf_status_minute_t *minutes)
{
    scale_t scale = {0, 2, 0};
    double most = 0;
    int i;

    for (i = 0; i < TMF_MINUTES; i++) {
        most = fmax(most, sum_of(chart, &minutes[i]));
    }
    while (scale.high < most) {
        scale.high *= fmod(log10(scale.high / 4), 1) == 0 ? 2.5 : 2;
    }
    return scale;
}

/* From the power of ten below all values to the one above them. */
static scale_t scale_of_durations(const tmf_chart_t *chart, const tmf_status_minute_t *minutes)
{
    scale_t scale = {0, 0, 1};
    int i;
    int j;

    for (i = 0; i < TMF_MINUTES; i++) {
        for (j = 0; j < chart->series_count; j++) {
            double value = chart->series[j].value(&minutes[i]);

            if (value > 0) {
                scale.low = scale.low == 0 ? value : fmin(scale.low, value);
                scale.high = fmax(scale.high, value);
            }
        }
    }
    if (scale.high == 0) {
        return (scale_t){0.001, 1, 1};
    }
    scale.low = pow(10, floor(log10(scale.low)));
    scale.high = fmax(pow(10, ceil(log10(scale.high))), scale.low * 10);
    return scale;
}

static const char *count_label(char buffer[LABEL_SIZE], double count)
{
    if (count >= 1e6) {
        snprintf(buffer, LABEL_SIZE, "%g M", count / 1e6);
    } else if (count >= 1e3) {
        snprintf(buffer, LABEL_SIZE, "%g k", count / 1e3);
    } else {
        snprintf(buffer, LABEL_SIZE, "%g", count);
    }
    return buffer;
}

static const char *duration_label(char buffer[LABEL_SIZE], double seconds)
{
    if (seconds >= 1) {
        snprintf(buffer, LABEL_SIZE, "%g s", seconds);
    } else if (seconds >= 1e-3) {
        snprintf(buffer, LABEL_SIZE, "%g ms", seconds * 1e3);
    } else {
        snprintf(buffer, LABEL_SIZE, "%g µs", seconds * 1e6);
    }
    return buffer;
}

static void write_grid_line(tmf_text_t *html, const scale_t *scale, double value)
{
    double y = BOTTOM - height_of(scale, value);
    char buffer[LABEL_SIZE];

    tmf_text_append_format(html,
                           "<path class=\"grid\" d=\"M%g %.1fH%g\"/>"
                           "<text x=\"%g\" y=\"%.1f\" class=\"y\">%s</text>",
                           LEFT, y, RIGHT, LEFT - 6, y + 3.5,
                           scale->is_logarithmic ? duration_label(buffer, value)
                                                 : count_label(buffer, value));
}

static void write_axes(tmf_text_t *html, const scale_t *scale)
{
    static const char *const ages[] = {"60 min ago", "45", "30", "15", "now"};
    double value;
    int i;

    if (scale->is_logarithmic) {
        for (value = scale->low; value < scale->high * 1.5; value *= 10) {
            write_grid_line(html, scale, value);
        }
    } else {
        for (i = 0; i <= 2; i++) {
            write_grid_line(html, scale, scale->high * i / 2);
        }
    }
    for (i = 0; i <= 4; i++) {
        tmf_text_append_format(html,
                               "<path class=\"grid\" d=\"M%.1f %gv4\"/>"
                               "<text x=\"%.1f\" y=\"%g\" class=\"x%s\">%s</text>",
                               left_of(15 * i), BOTTOM, left_of(15 * i), BOTTOM + 16.0,
                               i == 0   ? " first"
                               : i == 4 ? " last"
                                        : "",
                               ages[i]);
    }
}

/* What happened in one minute, on top of each other. */
static void write_bar(tmf_text_t *html, const tmf_chart_t *chart, const scale_t *scale,
                      const tmf_status_minute_t *minute, double left)
{
    double top = BOTTOM;
    int i;

    for (i = 0; i < chart->series_count; i++) {
        double value = chart->series[i].value(minute);
        double height = value > 0 ? fmax(height_of(scale, value), BAR_LEAST) : 0;

        if (height > 0) {
            top -= height;
            tmf_text_append_format(
                html, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>",
                chart->series[i].style, left, top, BAR, height);
        }
    }
}

static void write_bars(tmf_text_t *html, const tmf_chart_t *chart, const scale_t *scale,
                       const tmf_status_minute_t *minutes)
{
    int i;

    for (i = 0; i < TMF_MINUTES - 1; i++) {
        write_bar(html, chart, scale, &minutes[i], left_of(i));
    }
    tmf_text_append_string(html, "<g class=\"now\">");
    write_bar(html, chart, scale, &minutes[i], left_of(i));
    tmf_text_append_string(html, "</g>");
}

static int is_measured(const tmf_series_t *series, const tmf_status_minute_t *minutes, int i)
{
    return i >= 0 && i < TMF_MINUTES && series->value(&minutes[i]) > 0;
}

/* A line has a gap where nothing was measured; what stands alone is a point. */
static void write_line(tmf_text_t *html, const tmf_series_t *series, const scale_t *scale,
                       const tmf_status_minute_t *minutes)
{
    tmf_text_t points;
    int i;

    tmf_text_init(&points, 256, html->pool);
    tmf_text_append_format(html, "<path class=\"%s\" d=\"", series->style);
    for (i = 0; i < TMF_MINUTES; i++) {
        double x = left_of(i) + SLOT / 2;
        double y = BOTTOM - height_of(scale, series->value(&minutes[i]));
        int goes_on = is_measured(series, minutes, i - 1);

        if (is_measured(series, minutes, i) && (goes_on || is_measured(series, minutes, i + 1))) {
            tmf_text_append_format(html, "%c%.1f %.1f", goes_on ? 'L' : 'M', x, y);
        } else if (is_measured(series, minutes, i)) {
            tmf_text_append_format(&points,
                                   "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"1.2\"/>",
                                   series->style, x, y);
        }
    }
    tmf_text_append_string(html, "\"/>");
    tmf_text_append(html, points.data, points.length);
}

static void append_value(tmf_text_t *html, const tmf_chart_t *chart, double value)
{
    char buffer[TMF_DURATION_BYTES];

    if (chart->is_duration) {
        tmf_text_append_string(html, tmf_duration_text(buffer, value));
    } else {
        tmf_markup_number(html, (apr_int64_t)value);
    }
}

/* One place for the pointer over each minute, which says its numbers. */
static void write_tips(tmf_text_t *html, const tmf_chart_t *chart,
                       const tmf_status_minute_t *minutes)
{
    char time[TMF_UTC_BYTES];
    int i;
    int j;

    for (i = 0; i < TMF_MINUTES; i++) {
        if (minutes[i].begin == 0) {
            continue;
        }
        tmf_utc_text(time, minutes[i].begin);
        tmf_text_append_format(
            html,
            "<rect class=\"tip\" x=\"%.1f\" y=\"%g\" width=\"%.1f\" height=\"%g\">"
            "<title>%.5s UTC%s",
            left_of(i), TOP, SLOT, BOTTOM - TOP, time + 11, i == TMF_MINUTES - 1 ? ", so far" : "");
        for (j = 0; j < chart->series_count; j++) {
            tmf_text_append_format(html, "\n%s: ", chart->series[j].name);
            append_value(html, chart, chart->series[j].value(&minutes[i]));
        }
        tmf_text_append_string(html, "</title></rect>");
    }
}

/* The sum of counts, or the longest duration. */
static double summary_of(const tmf_chart_t *chart, const tmf_series_t *series,
                         const tmf_status_minute_t *minutes)
{
    double summary = chart->is_duration ? -1 : 0;
    int i;

    for (i = 0; i < TMF_MINUTES; i++) {
        double value = series->value(&minutes[i]);

        summary = chart->is_duration ? fmax(summary, value) : summary + value;
    }
    return summary;
}

static void write_caption(tmf_text_t *html, const tmf_chart_t *chart,
                          const tmf_status_minute_t *minutes)
{
    int i;

    tmf_text_append_format(html, "<figcaption><b>%s</b>", chart->title);
    for (i = chart->series_count - 1; i >= 0; i--) {
        const tmf_series_t *series = &chart->series[i];

        tmf_text_append_format(html,
                               chart->is_duration
                                   ? "<span><svg width=\"18\" height=\"10\" aria-hidden=\"true\">"
                                     "<path class=\"%s\" d=\"M2 5H16\"/></svg>%s, at most "
                                   : "<span><svg width=\"10\" height=\"10\" aria-hidden=\"true\">"
                                     "<rect class=\"%s\" width=\"10\" height=\"10\"/></svg>%s ",
                               series->style, series->name);
        append_value(html, chart, summary_of(chart, series, minutes));
        tmf_text_append_string(html, "</span>");
    }
    tmf_text_append_string(html, "</figcaption>");
}

static int is_empty(const tmf_chart_t *chart, const tmf_status_minute_t *minutes)
{
    int i;

    for (i = 0; i < chart->series_count; i++) {
        if (summary_of(chart, &chart->series[i], minutes) > 0) {
            return 0;
        }
    }
    return 1;
}

void tmf_chart_write(tmf_text_t *html, const tmf_chart_t *chart, const tmf_status_minute_t *minutes)
{
    scale_t scale = chart->is_duration ? scale_of_durations(chart, minutes)
                                       : scale_of_counts(chart, minutes);
    int i;

    tmf_text_append_string(html, "<figure>");
    write_caption(html, chart, minutes);
    tmf_text_append_format(html, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"%s\">",
                           WIDTH, HEIGHT, chart->title);
    write_axes(html, &scale);
    if (is_empty(chart, minutes)) {
        tmf_text_append_format(html, "<text class=\"empty\" x=\"%g\" y=\"%g\">%s</text>",
                               (LEFT + RIGHT) / 2, (TOP + BOTTOM) / 2 - 12, chart->empty);
    } else if (chart->is_duration) {
        for (i = 0; i < chart->series_count; i++) {
            write_line(html, &chart->series[i], &scale, minutes);
        }
    } else {
        write_bars(html, chart, &scale, minutes);
    }
    write_tips(html, chart, minutes);
    tmf_text_append_string(html, "</svg></figure>\n");
}
