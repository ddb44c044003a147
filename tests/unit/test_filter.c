/* SPDX-License-Identifier: Apache-2.0 */
/* The grammar of filters: raw query, tree, SQL. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "model/customer_schema.h"
#include "query/filter_sql.h"
#include "query/parameters.h"

static const char *show(const tmf_filter_t *filter);

static const char *show_children(const tmf_filter_t *filter, const char *separator)
{
    const char *text = "";
    int i;

    for (i = 0; i < filter->children->nelts; i++) {
        text = apr_pstrcat(pool, text, i > 0 ? separator : "",
                           show(APR_ARRAY_IDX(filter->children, i, tmf_filter_t *)), NULL);
    }
    return text;
}

static const char *show_compare(const tmf_filter_t *filter)
{
    static const char *const names[] = {"==", "!=", ">", ">=", "<", "<=", "=~"};
    const char *text = tmf_path_text(filter->path, pool);
    int i;

    for (i = 0; i < filter->operands->nelts; i++) {
        const tmf_operand_t *operand = &APR_ARRAY_IDX(filter->operands, i, tmf_operand_t);

        text = apr_pstrcat(pool, text, i > 0 ? "," : names[filter->comparator],
                           operand->is_null ? "NULL" : operand->text, NULL);
    }
    return text;
}

/* A tree as text: and{…} or{…} not{…} path[…] path? path==value,value */
static const char *show(const tmf_filter_t *filter)
{
    switch (filter->kind) {
    case TMF_FILTER_AND:
        return apr_pstrcat(pool, "and{", show_children(filter, " "), "}", NULL);
    case TMF_FILTER_OR:
        return apr_pstrcat(pool, "or{", show_children(filter, " "), "}", NULL);
    case TMF_FILTER_NOT:
        return apr_pstrcat(pool, "not{", show_children(filter, " "), "}", NULL);
    case TMF_FILTER_ANY:
        return apr_pstrcat(pool, tmf_path_text(filter->path, pool), "[", show_children(filter, " "),
                           "]", NULL);
    case TMF_FILTER_EXISTS:
        return apr_pstrcat(pool, tmf_path_text(filter->path, pool), "?", NULL);
    case TMF_FILTER_COMPARE:
        break;
    }
    return show_compare(filter);
}

static const tmf_sql_column_t columns[] = {{"id", "c.id", "to_jsonb(c.id)", NULL, 0},
                                           {"href", NULL, "to_jsonb(%s::text || c.id)", "base/", 0},
                                           {"name", "c.name", NULL, NULL, 0},
                                           {"status", "c.status", NULL, NULL, 1},
                                           {NULL, NULL, NULL, NULL, 0}};
static const tmf_sql_document_t document = {"c.doc", columns};

/* A jsonpath with `[**]` for as many [*] as arrays within arrays are entered, and `(empty)` for
 * what finds an empty array within them. */
static const char *show_jsonpath(const char *text)
{
    const char *empty = strstr(text, " ? (@.type() == \"array\" &&");
    tmf_text_t shown;

    if (empty != NULL) {
        text = apr_pstrcat(pool, apr_pstrmemdup(pool, text, (apr_size_t)(empty - text)), "(empty)",
                           strrchr(empty, '*') + strspn(strrchr(empty, '*'), "*])") - 3, NULL);
    }
    tmf_text_init(&shown, 256, pool);
    while (*text != '\0') {
        apr_size_t entries = 0;

        while (strncmp(text + 3 * entries, "[*]", 3) == 0) {
            entries++;
        }
        if (entries >= TMF_SQL_ARRAYS_MAX) {
            tmf_text_append_string(&shown, "[**]");
            text += (apr_size_t)3 * TMF_SQL_ARRAYS_MAX;
        } else {
            tmf_text_append(&shown, text++, 1);
        }
    }
    return tmf_text_string(&shown);
}

/* Leaves the choice between paths out: `CASE WHEN … THEN … ELSE x END` is shown as `deep x`. */
static const char *show_choices(const char *text)
{
    const char *choice = strstr(text, "CASE WHEN c.doc @@");
    const char *otherwise = choice != NULL ? strstr(choice, " ELSE ") : NULL;
    const char *end = choice != NULL ? strstr(otherwise, " END") : NULL;

    return choice == NULL
               ? text
               : apr_pstrcat(pool, apr_pstrndup(pool, text, (apr_size_t)(choice - text)), "deep ",
                             apr_pstrndup(pool, otherwise + 6, (apr_size_t)(end - otherwise - 6)),
                             show_choices(end + 4), NULL);
}

/* SQL with every placeholder replaced by its parameter in «». */
static const char *show_sql(const tmf_filter_t *filter)
{
    const char *text;
    tmf_text_t shown;
    tmf_sql_t sql;

    tmf_sql_init(&sql, pool);
    tmf_filter_to_sql(&sql, filter, &document);
    tmf_text_init(&shown, 256, pool);
    for (text = tmf_text_string(&sql.text); *text != '\0'; text++) {
        if (*text != '$') {
            tmf_text_append(&shown, text, 1);
            continue;
        }
        tmf_text_append_format(
            &shown, "«%s»",
            show_jsonpath(APR_ARRAY_IDX(
                sql.parameters, (int)strtol(text + 1, (char **)&text, 10) - 1, const char *)));
        text--;
    }
    return show_choices(tmf_text_string(&shown));
}

#define VALUES(json, path)                                                                         \
    "EXISTS (SELECT FROM jsonb_path_query(" json ", «" path "»::jsonpath) AS v1(value) WHERE "

static const struct {
    const char *query;
    const char *tree; /* NULL = the query is refused */
    const char *sql;
} rows[] = {
    {"", "and{}", "true"},
    {"&&", "and{}", "true"},
    {"fields=a&limit=1&offset=2&sort=-b", "and{}", "true"},
    /* equality, columns */
    {"status=Approved", "and{status==Approved}", "(c.status = «Approved»::text)"},
    {"status=A,B", "and{status==A,B}", "(c.status IN («A»::text, «B»::text))"},
    {"status=A;B", "and{status==A,B}", "(c.status IN («A»::text, «B»::text))"},
    {"status=A;B,C", "and{status==A,B,C}", "(c.status IN («A»::text, «B»::text, «C»::text))"},
    {"status=A;status=B", "and{status==A,B}", "(c.status IN («A»::text, «B»::text))"},
    {"status=A&status=B", "and{status==A,B}", "(c.status IN («A»::text, «B»::text))"},
    {"status=A&name=x&status.eq=B&status==C", "and{status==A,B,C name==x}",
     "(c.status IN («A»::text, «B»::text, «C»::text) AND c.name = «x»::text)"},
    {"status=", "and{status==}", "(c.status = «»::text)"},
    {"status=,A", "and{status==,A}", "(c.status IN («»::text, «A»::text))"},
    {"id=7", "and{id==7}", "(c.id = «7»::text)"},
    {"href=x", "and{href==x}",
     "((" VALUES("to_jsonb(«base/»::text || c.id)", "$[*][*]") "(«[\"x\"]»::jsonb @> v1.value))))"},
    /* equality in the document */
    {"a.b=x", "and{a.b==x}", "(c.doc @@ «(($.\"a\"[**].\"b\"[**] == \"x\"))»::jsonpath)"},
    {"a=500", "and{a==500}",
     "(c.doc @@ «((exists ($.\"a\"[**] ? (@ == \"500\" || @ == 500))))»::jsonpath)"},
    {"a=true", "and{a==true}",
     "(c.doc @@ «((exists ($.\"a\"[**] ? (@ == \"true\" || @ == true))))»::jsonpath)"},
    {"a=-5", "and{a==-5}",
     "((EXISTS (SELECT FROM jsonb_path_query(c.doc, deep «$.\"a\"[*][*]»::jsonpath) AS v1(value) "
     "WHERE («[\"-5\",-5]»::jsonb @> v1.value))))"},
    {"a=2018-06-12", "and{a==2018-06-12}",
     "((EXISTS (SELECT FROM jsonb_path_query(c.doc, deep «$.\"a\"[*][*]»::jsonpath) AS v1(value) "
     "WHERE (tmf_customer.compare(v1.value, «2018-06-12»::text, NULL, «1528761600»::numeric) = "
     "0))))"},
    {"name=2018-06-12T00:00:00.5Z", "and{name==2018-06-12T00:00:00.5Z}",
     "((" VALUES("c.doc", "$.\"name\"[*][*]") "(tmf_customer.compare(v1.value, "
                                              "«2018-06-12T00:00:00.5Z»::text, NULL, "
                                              "«1528761600»::numeric + «0.5»::numeric) = 0))))"},
    {"status=A&a=x", "and{status==A a==x}",
     "(c.doc @@ «(($.\"status\"[*] == \"A\") && ($.\"a\"[**] == \"x\"))»::jsonpath)"},
    /* quotes and friends are literal */
    {"a%22b=%22%5C%27%25_%24%7B%7D%5B%5D%3F%40", "and{a\"b==\"\\'%_${}[]?@}",
     "(c.doc @@ «(($.\"a\\\"b\"[**] == \"\\\"\\\\'%_${}[]?@\"))»::jsonpath)"},
    {"a=x%26y%3Bz%2Cw", "and{a==x&y;z,w}", "(c.doc @@ «(($.\"a\"[**] == \"x&y;z,w\"))»::jsonpath)"},
    {"a+b=c+d%2B", "and{a+b==c d+}", "(c.doc @@ «(($.\"a+b\"[**] == \"c d+\"))»::jsonpath)"},
    {"%40type=x&@baseType=y", "and{@type==x @baseType==y}",
     "(c.doc @@ «(($.\"@type\"[*] == \"x\") && ($.\"@baseType\"[*] == \"y\"))»::jsonpath)"},
    {"a%2Eb=x", "and{a.b==x}", "(c.doc @@ «(($.\"a\"[**].\"b\"[**] == \"x\"))»::jsonpath)"},
    /* operators */
    {"a.ne=x", "and{a!=x}",
     "((EXISTS (SELECT FROM jsonb_path_query(c.doc, deep «$.\"a\"[*][*]»::jsonpath) AS v1(value) "
     "WHERE («[\"x\"]»::jsonb @> v1.value) IS NOT TRUE) OR c.doc @@ «exists ($[*] ? (!exists "
     "(@.\"a\"[*]) || exists (@.\"a\"(empty))))»::jsonpath))"},
    {"a.gt=5", "and{a>5}",
     "((EXISTS (SELECT FROM jsonb_path_query(c.doc, deep «$.\"a\"[*][*]»::jsonpath) AS v1(value) "
     "WHERE tmf_customer.compare(v1.value, «5»::text, «5»::numeric, NULL) > 0)))"},
    {"a.gte=5&a.lt=6&a.lte=7", "and{a>=5 a<6 a<=7}",
     "((EXISTS (SELECT FROM jsonb_path_query(c.doc, deep «$.\"a\"[*][*]»::jsonpath) AS v1(value) "
     "WHERE tmf_customer.compare(v1.value, «5»::text, «5»::numeric, NULL) >= 0)) AND (EXISTS "
     "(SELECT FROM jsonb_path_query(c.doc, deep «$.\"a\"[*][*]»::jsonpath) AS v1(value) WHERE "
     "tmf_customer.compare(v1.value, «6»::text, «6»::numeric, NULL) < 0)) AND (EXISTS (SELECT FROM "
     "jsonb_path_query(c.doc, deep «$.\"a\"[*][*]»::jsonpath) AS v1(value) WHERE "
     "tmf_customer.compare(v1.value, «7»::text, «7»::numeric, NULL) <= 0)))"},
    {"a>5", "and{a>5}",
     "((EXISTS (SELECT FROM jsonb_path_query(c.doc, deep «$.\"a\"[*][*]»::jsonpath) AS v1(value) "
     "WHERE tmf_customer.compare(v1.value, «5»::text, «5»::numeric, NULL) > 0)))"},
    {"a%3E5", "and{a>5}",
     "((EXISTS (SELECT FROM jsonb_path_query(c.doc, deep «$.\"a\"[*][*]»::jsonpath) AS v1(value) "
     "WHERE tmf_customer.compare(v1.value, «5»::text, «5»::numeric, NULL) > 0)))"},
    {"a>=5", "and{a>=5}",
     "((EXISTS (SELECT FROM jsonb_path_query(c.doc, deep «$.\"a\"[*][*]»::jsonpath) AS v1(value) "
     "WHERE tmf_customer.compare(v1.value, «5»::text, «5»::numeric, NULL) >= 0)))"},
    {"a%3E=5", "and{a>=5}",
     "((EXISTS (SELECT FROM jsonb_path_query(c.doc, deep «$.\"a\"[*][*]»::jsonpath) AS v1(value) "
     "WHERE tmf_customer.compare(v1.value, «5»::text, «5»::numeric, NULL) >= 0)))"},
    {"a%3E%3D5", "and{a>=5}",
     "((EXISTS (SELECT FROM jsonb_path_query(c.doc, deep «$.\"a\"[*][*]»::jsonpath) AS v1(value) "
     "WHERE tmf_customer.compare(v1.value, «5»::text, «5»::numeric, NULL) >= 0)))"},
    {"a<5&a<=6&a%3c7&a%3C%3d8", "and{a<5 a<=6 a<7 a<=8}",
     "((EXISTS (SELECT FROM jsonb_path_query(c.doc, deep «$.\"a\"[*][*]»::jsonpath) AS v1(value) "
     "WHERE tmf_customer.compare(v1.value, «5»::text, «5»::numeric, NULL) < 0)) AND (EXISTS "
     "(SELECT FROM jsonb_path_query(c.doc, deep «$.\"a\"[*][*]»::jsonpath) AS v1(value) WHERE "
     "tmf_customer.compare(v1.value, «6»::text, «6»::numeric, NULL) <= 0)) AND (EXISTS (SELECT "
     "FROM jsonb_path_query(c.doc, deep «$.\"a\"[*][*]»::jsonpath) AS v1(value) WHERE "
     "tmf_customer.compare(v1.value, «7»::text, «7»::numeric, NULL) < 0)) AND (EXISTS (SELECT FROM "
     "jsonb_path_query(c.doc, deep «$.\"a\"[*][*]»::jsonpath) AS v1(value) WHERE "
     "tmf_customer.compare(v1.value, «8»::text, «8»::numeric, NULL) <= 0)))"},
    {"a==5&b%3D%3D6&c%3D=7", "and{a==5 b==6 c==7}",
     "(c.doc @@ «((exists ($.\"a\"[**] ? (@ == \"5\" || @ == 5))) && (exists ($.\"b\"[**] ? (@ == "
     "\"6\" || @ == 6))) && (exists ($.\"c\"[**] ? (@ == \"7\" || @ == 7))))»::jsonpath)"},
    {"a!=5&a%21=6&a%21%3D7", "and{a!=5 a!=6 a!=7}",
     "((EXISTS (SELECT FROM jsonb_path_query(c.doc, deep «$.\"a\"[*][*]»::jsonpath) AS v1(value) "
     "WHERE («[\"5\",5]»::jsonb @> v1.value) IS NOT TRUE) OR c.doc @@ «exists ($[*] ? (!exists "
     "(@.\"a\"[*]) || exists (@.\"a\"(empty))))»::jsonpath) AND (EXISTS (SELECT FROM "
     "jsonb_path_query(c.doc, deep «$.\"a\"[*][*]»::jsonpath) AS v1(value) WHERE "
     "(«[\"6\",6]»::jsonb @> v1.value) IS NOT TRUE) OR c.doc @@ «exists ($[*] ? (!exists "
     "(@.\"a\"[*]) || exists (@.\"a\"(empty))))»::jsonpath) AND (EXISTS (SELECT FROM "
     "jsonb_path_query(c.doc, deep «$.\"a\"[*][*]»::jsonpath) AS v1(value) WHERE "
     "(«[\"7\",7]»::jsonb @> v1.value) IS NOT TRUE) OR c.doc @@ «exists ($[*] ? (!exists "
     "(@.\"a\"[*]) || exists (@.\"a\"(empty))))»::jsonpath))"},
    {"a*=x&a=~y&a%2A=z&a%3D~v&a%3D%7Ew", "and{a=~x a=~y a=~z a=~v a=~w}",
     "((EXISTS (SELECT FROM jsonb_path_query(c.doc, deep «$.\"a\"[*][*]»::jsonpath) AS v1(value) "
     "WHERE CASE jsonb_typeof(v1.value) WHEN 'string' THEN v1.value #>> '{}' ~ «x»::text END)) AND "
     "(EXISTS (SELECT FROM jsonb_path_query(c.doc, deep «$.\"a\"[*][*]»::jsonpath) AS v1(value) "
     "WHERE CASE jsonb_typeof(v1.value) WHEN 'string' THEN v1.value #>> '{}' ~ «y»::text END)) AND "
     "(EXISTS (SELECT FROM jsonb_path_query(c.doc, deep «$.\"a\"[*][*]»::jsonpath) AS v1(value) "
     "WHERE CASE jsonb_typeof(v1.value) WHEN 'string' THEN v1.value #>> '{}' ~ «z»::text END)) AND "
     "(EXISTS (SELECT FROM jsonb_path_query(c.doc, deep «$.\"a\"[*][*]»::jsonpath) AS v1(value) "
     "WHERE CASE jsonb_typeof(v1.value) WHEN 'string' THEN v1.value #>> '{}' ~ «v»::text END)) AND "
     "(EXISTS (SELECT FROM jsonb_path_query(c.doc, deep «$.\"a\"[*][*]»::jsonpath) AS v1(value) "
     "WHERE CASE jsonb_typeof(v1.value) WHEN 'string' THEN v1.value #>> '{}' ~ «w»::text END))) "
     "AND ('' ~ «x»::text) IS NOT NULL AND ('' ~ «y»::text) IS NOT NULL AND ('' ~ «z»::text) IS "
     "NOT NULL AND ('' ~ «v»::text) IS NOT NULL AND ('' ~ «w»::text) IS NOT NULL"},
    {"a=%3Dx&b=%7Ey&c=%3E5", "and{a===x b==~y c==>5}",
     "(c.doc @@ «(($.\"a\"[**] == \"=x\") && ($.\"b\"[**] == \"~y\") && ($.\"c\"[**] == "
     "\">5\"))»::jsonpath)"},
    {"a=>5", "and{a==>5}", "(c.doc @@ «(($.\"a\"[**] == \">5\"))»::jsonpath)"},
    {"a.ne=x,y", "and{a!=x,y}",
     "((EXISTS (SELECT FROM jsonb_path_query(c.doc, deep «$.\"a\"[*][*]»::jsonpath) AS v1(value) "
     "WHERE («[\"x\",\"y\"]»::jsonb @> v1.value) IS NOT TRUE) OR c.doc @@ «exists ($[*] ? (!exists "
     "(@.\"a\"[*]) || exists (@.\"a\"(empty))))»::jsonpath))"},
    {"gt=5&x.gt.eq=6&.gt=7", NULL, NULL},
    {"gt=5&x.gt.eq=6&x.gt==7", "and{gt==5 x.gt==6,7}",
     "(c.doc @@ «((exists ($.\"gt\"[**] ? (@ == \"5\" || @ == 5))) && (exists "
     "($.\"x\"[**].\"gt\"[**] ? (@ == \"6\" || @ == 6 || @ == \"7\" || @ == 7))))»::jsonpath)"},
    {"x.gt.gt=5", "and{x.gt>5}",
     "((EXISTS (SELECT FROM jsonb_path_query(c.doc, deep «$.\"x\"[*].\"gt\"[*][*]»::jsonpath) AS "
     "v1(value) WHERE tmf_customer.compare(v1.value, «5»::text, «5»::numeric, NULL) > 0)))"},
    {"name.regex=^Mo.*n", "and{name=~^Mo.*n}",
     "((c.name >= «Mo»::text AND c.name < «Mp»::text AND " VALUES(
         "c.doc", "$.\"name\"[*][*]") "CASE jsonb_typeof(v1.value) WHEN 'string' THEN v1.value #>> "
                                      "'{}' ~ «^Mo.*n»::text END))) AND ('' ~ «^Mo.*n»::text) IS "
                                      "NOT NULL"},
    {"name.regex=^Zo%C3%AB*", "and{name=~^Zoë*}",
     "((c.name >= «Zo»::text AND c.name < «Zp»::text AND EXISTS (SELECT FROM "
     "jsonb_path_query(c.doc, «$.\"name\"[*][*]»::jsonpath) AS v1(value) WHERE CASE "
     "jsonb_typeof(v1.value) WHEN 'string' THEN v1.value #>> '{}' ~ «^Zoë*»::text END))) AND ('' ~ "
     "«^Zoë*»::text) IS NOT NULL"},
    /* groups */
    {"x<1;x>5&status=A", "and{or{x<1 x>5} status==A}",
     "(((EXISTS (SELECT FROM jsonb_path_query(c.doc, deep «$.\"x\"[*][*]»::jsonpath) AS v1(value) "
     "WHERE tmf_customer.compare(v1.value, «1»::text, «1»::numeric, NULL) < 0)) OR (EXISTS (SELECT "
     "FROM jsonb_path_query(c.doc, deep «$.\"x\"[*][*]»::jsonpath) AS v1(value) WHERE "
     "tmf_customer.compare(v1.value, «5»::text, «5»::numeric, NULL) > 0))) AND c.status = "
     "«A»::text)"},
    {"a=1;b=2", "and{or{a==1 b==2}}",
     "(c.doc @@ «(((exists ($.\"a\"[**] ? (@ == \"1\" || @ == 1))) || (exists ($.\"b\"[**] ? (@ == "
     "\"2\" || @ == 2)))))»::jsonpath)"},
    {"status=A;b=x", "and{or{status==A b==x}}",
     "(c.doc @@ «((($.\"status\"[*] == \"A\") || ($.\"b\"[**] == \"x\")))»::jsonpath)"},
    {"a=1;b=2;3&a=4", "and{or{a==1 b==2,3} a==4}",
     "(c.doc @@ «(((exists ($.\"a\"[**] ? (@ == \"1\" || @ == 1))) || (exists ($.\"b\"[**] ? (@ == "
     "\"2\" || @ == 2 || @ == \"3\" || @ == 3)))) && (exists ($.\"a\"[**] ? (@ == \"4\" || @ == "
     "4))))»::jsonpath)"},
    {"a=1;;b=2;", "and{or{a==1 b==2}}",
     "(c.doc @@ «(((exists ($.\"a\"[**] ? (@ == \"1\" || @ == 1))) || (exists ($.\"b\"[**] ? (@ == "
     "\"2\" || @ == 2)))))»::jsonpath)"},
    {"a.gt=1;a.lt=0", "and{or{a>1 a<0}}",
     "(((EXISTS (SELECT FROM jsonb_path_query(c.doc, deep «$.\"a\"[*][*]»::jsonpath) AS v1(value) "
     "WHERE tmf_customer.compare(v1.value, «1»::text, «1»::numeric, NULL) > 0)) OR (EXISTS (SELECT "
     "FROM jsonb_path_query(c.doc, deep «$.\"a\"[*][*]»::jsonpath) AS v1(value) WHERE "
     "tmf_customer.compare(v1.value, «0»::text, «0»::numeric, NULL) < 0))))"},
    {"a.gt=1&a.gt=2", "and{a>1 a>2}",
     "((EXISTS (SELECT FROM jsonb_path_query(c.doc, deep «$.\"a\"[*][*]»::jsonpath) AS v1(value) "
     "WHERE tmf_customer.compare(v1.value, «1»::text, «1»::numeric, NULL) > 0)) AND (EXISTS "
     "(SELECT FROM jsonb_path_query(c.doc, deep «$.\"a\"[*][*]»::jsonpath) AS v1(value) WHERE "
     "tmf_customer.compare(v1.value, «2»::text, «2»::numeric, NULL) > 0)))"},
    /* JSONPath */
    {"filter=", "and{}", "true"},
    {"filter=$", "and{@?}", "(true)"},
    {"filter=$[?(@.status=='x')]", "and{status==x}", "(c.status = «x»::text)"},
    {"filter=[?(@.a==\"x\")]", "and{a==x}", "(c.doc @@ «(($.\"a\"[**] == \"x\"))»::jsonpath)"},
    {"filter=$[?@.a==5]", "and{a==5}",
     "(c.doc @@ «((exists ($.\"a\"[**] ? (@ == \"5\" || @ == 5))))»::jsonpath)"},
    {"filter=a.b[?(@.c=='x' %26%26 @.d==true)]", "and{a.b[and{c==x d==true}]}",
     "(c.doc @@ «((exists ($.\"a\"[**].\"b\"[**] ? ((@.\"c\"[**] == \"x\") && (exists (@.\"d\"[**] "
     "? (@ == \"true\" || @ == true)))))))»::jsonpath)"},
    {"filter=$.a[?(@.b>'2020-01-01' %26%26 @.c=='x')]", "and{a[and{b>2020-01-01 c==x}]}",
     "(c.doc @@ «(exists ($.\"a\"[**] ? ((@.\"c\"[**] == \"x\"))))»::jsonpath AND EXISTS (SELECT "
     "FROM jsonb_path_query(c.doc, deep «$.\"a\"[*][*]»::jsonpath) AS v1(value) WHERE ((EXISTS "
     "(SELECT FROM jsonb_path_query(v1.value, CASE WHEN v1.value @@ «exists ($[*].\"b\" ? "
     "(@.type() == \"array\"))»::jsonpath THEN «$.\"b\"[**][*]»::jsonpath ELSE "
     "«$.\"b\"[*][*]»::jsonpath END) AS v2(value) WHERE tmf_customer.compare(v2.value, "
     "«2020-01-01»::text, NULL, «1577836800»::numeric) > 0)) AND v1.value @@ «(($.\"c\"[**] == "
     "\"x\"))»::jsonpath)))"},
    {"filter=a[?(!(@.b==1) || @.c)]", "and{a[or{not{b==1} c?}]}",
     "(EXISTS (SELECT FROM jsonb_path_query(c.doc, deep «$.\"a\"[*][*]»::jsonpath) AS v1(value) "
     "WHERE ((v1.value @@ «(exists ($.\"b\"[**] ? (@ == \"1\" || @ == 1)))»::jsonpath) IS NOT TRUE "
     "OR v1.value @@ «(exists ($[*].\"c\"))»::jsonpath)))"},
    {"filter=a[?(@.b==null)]", "and{a[b==NULL]}",
     "(c.doc @@ «((exists ($.\"a\"[**] ? (@.\"b\"[**] == null))))»::jsonpath)"},
    {"filter=a[?(5<@.b)]", "and{a[b>5]}",
     "(EXISTS (SELECT FROM jsonb_path_query(c.doc, deep «$.\"a\"[*][*]»::jsonpath) AS v1(value) "
     "WHERE (EXISTS (SELECT FROM jsonb_path_query(v1.value, CASE WHEN v1.value @@ «exists "
     "($[*].\"b\" ? (@.type() == \"array\"))»::jsonpath THEN «$.\"b\"[**][*]»::jsonpath ELSE "
     "«$.\"b\"[*][*]»::jsonpath END) AS v2(value) WHERE tmf_customer.compare(v2.value, «5»::text, "
     "«5»::numeric, NULL) > 0))))"},
    {"filter=a[?('x'!=@.b)]", "and{a[b!=x]}",
     "(EXISTS (SELECT FROM jsonb_path_query(c.doc, deep «$.\"a\"[*][*]»::jsonpath) AS v1(value) "
     "WHERE (EXISTS (SELECT FROM jsonb_path_query(v1.value, CASE WHEN v1.value @@ «exists "
     "($[*].\"b\" ? (@.type() == \"array\"))»::jsonpath THEN «$.\"b\"[**][*]»::jsonpath ELSE "
     "«$.\"b\"[*][*]»::jsonpath END) AS v2(value) WHERE («[\"x\"]»::jsonb @> v2.value) IS NOT "
     "TRUE) OR v1.value @@ «exists ($[*] ? (!exists (@.\"b\"[*]) || exists "
     "(@.\"b\"(empty))))»::jsonpath)))"},
    {"filter=a[?(@=='x')]", "and{a[@==x]}",
     "(c.doc @@ «((exists ($.\"a\"[**] ? (@[*] == \"x\"))))»::jsonpath)"},
    {"filter=a[?(@.b[?(@.c=='x')].d > 5)]", "and{a[b[and{c==x d>5}]]}",
     "(c.doc @@ «(exists ($.\"a\"[**] ? (exists (@.\"b\"[**] ? ((@.\"c\"[**] == "
     "\"x\"))))))»::jsonpath AND EXISTS (SELECT FROM jsonb_path_query(c.doc, deep "
     "«$.\"a\"[*][*]»::jsonpath) AS v1(value) WHERE EXISTS (SELECT FROM jsonb_path_query(v1.value, "
     "CASE WHEN v1.value @@ «exists ($[*].\"b\" ? (@.type() == \"array\"))»::jsonpath THEN "
     "«$.\"b\"[**][*]»::jsonpath ELSE «$.\"b\"[*][*]»::jsonpath END) AS v2(value) WHERE ((EXISTS "
     "(SELECT FROM jsonb_path_query(v2.value, CASE WHEN v2.value @@ «exists ($[*].\"d\" ? "
     "(@.type() == \"array\"))»::jsonpath THEN «$.\"d\"[**][*]»::jsonpath ELSE "
     "«$.\"d\"[*][*]»::jsonpath END) AS v3(value) WHERE tmf_customer.compare(v3.value, «5»::text, "
     "«5»::numeric, NULL) > 0)) AND v2.value @@ «(($.\"c\"[**] == \"x\"))»::jsonpath))))"},
    {"filter=a[?(@.b=='x')].c", "and{a[and{b==x c?}]}",
     "(c.doc @@ «((exists ($.\"a\"[**] ? ((@.\"b\"[**] == \"x\") && (exists "
     "(@[*].\"c\"))))))»::jsonpath)"},
    {"filter=a[?(@.b=='x')][?(@.c=='y')]", "and{a[and{b==x @[c==y]}]}",
     "(c.doc @@ «((exists ($.\"a\"[**] ? ((@.\"b\"[**] == \"x\") && (exists (@[*] ? (@.\"c\"[**] "
     "== \"y\")))))))»::jsonpath)"},
    {"filter=$['a']['b.c'][*][?(@['@type']=='x')]", "and{a.b.c[@type==x]}",
     "(c.doc @@ «((exists ($.\"a\"[**].\"b.c\"[**] ? (@.\"@type\"[**] == \"x\"))))»::jsonpath)"},
    {"filter=a[ ?( @.b == 'x' )  ]", "and{a[b==x]}",
     "(c.doc @@ «((exists ($.\"a\"[**] ? (@.\"b\"[**] == \"x\"))))»::jsonpath)"},
    {"filter=a[?(@.b=='it\\'s \\u00e9 \\ud83d\\ude00 \\\\')]", "and{a[b==it's é 😀 \\]}",
     "(c.doc @@ «((exists ($.\"a\"[**] ? (@.\"b\"[**] == \"it's é 😀 \\\\\"))))»::jsonpath)"},
    {"filter=a[?(@.b=~'\\\\d%2B\\\\.')]", "and{a[b=~\\d+\\.]}",
     "(EXISTS (SELECT FROM jsonb_path_query(c.doc, deep «$.\"a\"[*][*]»::jsonpath) AS v1(value) "
     "WHERE (EXISTS (SELECT FROM jsonb_path_query(v1.value, CASE WHEN v1.value @@ «exists "
     "($[*].\"b\" ? (@.type() == \"array\"))»::jsonpath THEN «$.\"b\"[**][*]»::jsonpath ELSE "
     "«$.\"b\"[*][*]»::jsonpath END) AS v2(value) WHERE CASE jsonb_typeof(v2.value) WHEN 'string' "
     "THEN v2.value #>> '{}' ~ «\\d+\\.»::text END)))) AND ('' ~ «\\d+\\.»::text) IS NOT NULL"},
    {"filter=a[?(@.b=~/^x\\/y/i)]", "and{a[b=~(?i)^x/y]}",
     "(EXISTS (SELECT FROM jsonb_path_query(c.doc, deep «$.\"a\"[*][*]»::jsonpath) AS v1(value) "
     "WHERE (EXISTS (SELECT FROM jsonb_path_query(v1.value, CASE WHEN v1.value @@ «exists "
     "($[*].\"b\" ? (@.type() == \"array\"))»::jsonpath THEN «$.\"b\"[**][*]»::jsonpath ELSE "
     "«$.\"b\"[*][*]»::jsonpath END) AS v2(value) WHERE CASE jsonb_typeof(v2.value) WHEN 'string' "
     "THEN v2.value #>> '{}' ~ «(?i)^x/y»::text END)))) AND ('' ~ «(?i)^x/y»::text) IS NOT NULL"},
    {"filter=a.b", "and{a.b?}", "(c.doc @@ «((exists ($.\"a\"[**].\"b\")))»::jsonpath)"},
    {"filter=a[?(@.b==1)]&filter=c[?(@.d==2)]&e=3", "and{e==3 a[b==1] c[d==2]}",
     "(c.doc @@ «((exists ($.\"e\"[**] ? (@ == \"3\" || @ == 3))) && (exists ($.\"a\"[**] ? "
     "(exists (@.\"b\"[**] ? (@ == \"1\" || @ == 1))))) && (exists ($.\"c\"[**] ? (exists "
     "(@.\"d\"[**] ? (@ == \"2\" || @ == 2))))))»::jsonpath)"},
    /* equalities of the simple form unite; none of them with one of JSONPath */
    {"filter=$[?(@.a=='x')]&a=y&a=z", "and{a==y,z a==x}",
     "(c.doc @@ «((exists ($.\"a\"[**] ? (@ == \"y\" || @ == \"z\"))) && ($.\"a\"[**] == "
     "\"x\"))»::jsonpath)"},
    {"a=y&filter=$[?(@.a=='x')]&filter=$[?(@.a=='v')]", "and{a==y a==x a==v}",
     "(c.doc @@ «(($.\"a\"[**] == \"y\") && ($.\"a\"[**] == \"x\") && ($.\"a\"[**] == "
     "\"v\"))»::jsonpath)"},
    {"filter=$[?(@.status=='A')]&status=B", "and{status==B status==A}",
     "(c.status = «B»::text AND c.status = «A»::text)"},
    {"filter=@type", "and{@type?}", "(c.doc @@ «((exists ($[*].\"@type\")))»::jsonpath)"},
    {"filter=$[?(@.@type=='x')]", "and{@type==x}",
     "(c.doc @@ «(($.\"@type\"[*] == \"x\"))»::jsonpath)"},
    {"filter=a[?((((@.b==1))))]", "and{a[b==1]}",
     "(c.doc @@ «((exists ($.\"a\"[**] ? (exists (@.\"b\"[**] ? (@ == \"1\" || @ == "
     "1))))))»::jsonpath)"},
};

START_TEST(queries_yield_trees_and_sql)
{
    tmf_parameters_t *parameters;
    tmf_error_t *error = tmf_parameters_parse(&parameters, rows[_i].query, tmf_customer_attributes,
                                              pool);

    if (rows[_i].tree == NULL) {
        ck_assert_ptr_nonnull(error);
        return;
    }
    ck_assert_msg(error == NULL, "%s: %s", rows[_i].query, error != NULL ? error->message : "");
    ck_assert_str_eq(show(parameters->filter), rows[_i].tree);
    ck_assert_str_eq(show_sql(parameters->filter), rows[_i].sql);
}
END_TEST

static const struct {
    const char *query;
    int status;
    const char *message; /* part of it */
} refused[] = {
    {"status", 400, "\"status\" is no condition"},
    {"a=1&;b", 400, "\"b\" is no condition"},
    {"a.gt=1;2", 400, "\"2\" is no condition"},
    {"=x", 400, "\"\" is no attribute"},
    {".a=x", 400, "no attribute"},
    {"a..b=x", 400, "no attribute"},
    {"a.=x", 400, "no attribute"},
    {"a=%", 400, "percent-encoded"},
    {"a=%00", 400, "percent-encoded"},
    {"a=%ff", 400, "percent-encoded"},
    {"%ff=a", 400, "percent-encoded"},
    {"a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q=x", 400, "more than 16 names"},
    {"limit>5", 400, "limit"},
    {"fields=a;b=c", 400, "fields cannot be joined"},
    {"b=c;filter=$", 400, "filter cannot be joined"},
    {"sort=", 200, NULL},
    {"sort=-", 400, "no attribute"},
    {"sort=a..b", 400, "no attribute"},
    {"sort=a,b,c,d,e,f,g,h,i", 400, "at most 8"},
    {"cursor=a&cursor=b", 400, "more than once"},
    {"creditProfile.creditScore=abc", 400,
     "creditProfile.creditScore must be compared with a number"},
    {"creditProfile.creditScore=", 400, "a number"},
    {"creditProfile.creditScore.gt=5x", 400, "a number"},
    {"contactMedium.preferred=yes", 400, "true or false"},
    {"validFor.startDateTime>yesterday", 400, "a date-time"},
    {"validFor.startDateTime>2018-02-30", 400, "a date-time"},
    {"filter=creditProfile[?(@.creditScore=='abc')]", 400, "a number"},
    {"filter=contactMedium[?(@.validFor.endDateTime<5)]", 400, "a date-time"},
    {"creditProfile.creditScore=5,6.5,1e3", 200, NULL},
    {"contactMedium.validFor.startDateTime>2018-06-12", 200, NULL},
    {"filter=creditProfile[?(@.creditScore==null)]", 200, NULL},
    /* JSONPath: syntax */
    {"filter=a[", 400, "at character 3"},
    {"filter=a[?(", 400, "at character 5"},
    {"filter=a[?(@.b==)]", 400, "a string in quotes"},
    {"filter=a[?(@.b=='x)]", 400, "closing '"},
    {"filter=a[?(@.b='x')]", 400, "expected )"},
    {"filter=a[?(b=='x')]", 400, "a string in quotes"},
    {"filter=a[?(@.b==x)]", 400, "a string in quotes"},
    {"filter=a[?(@.b=='x' %26 @.c==1)]", 400, "expected )"},
    {"filter=a[?(@.b=='x')", 400, "expected ]"},
    {"filter=a[?(@.b=='x')]]", 400, "the end"},
    {"filter=a[?(@)]", 200, NULL},
    {"filter=a[?()]", 400, "expected"},
    {"filter=a[?('x')]", 400, "=="},
    {"filter=a[?('x'=~@.b)]", 400, "=="},
    {"filter=a[?(@.b=='\\x')]", 400, "an escape"},
    {"filter=a[?(@.b=='\\ud800')]", 400, "four digits"},
    {"filter=a[?(@.b=='\\u0000')]", 400, "four digits"},
    {"filter=a[?(@.b=~5)]", 400, "a pattern"},
    {"filter=status=='x'", 400, "the end"},
    {"filter=a.", 400, "a name"},
    {"filter=@", 400, "$, [ or a name at character 1"},
    {"filter=@.a", 400, "$, [ or a name at character 1"},
    {"filter=%20@[?(@.a==1)]", 400, "$, [ or a name at character 2"},
    {"filter=a[?(@.b==1&&@.c==2)]", 400, "expected ) at character 11, the end (%26 is an & within"},
    {"filter=a[b]", 400, "a name in quotes"},
    {"filter=ä[?(@.b==)]", 400, "at character 10"},
    {"filter=a[?((((((((((((((((((@.b==1))))))))))))))))))]", 400, "nested"},
    /* JSONPath: beyond us */
    {"filter=$..a", 501, ".."},
    {"filter=$.*", 501, ".*"},
    {"filter=a[0]", 501, "index"},
    {"filter=a[-1]", 501, "index"},
    {"filter=a[1:2]", 501, "slice"},
    {"filter=a['b','c']", 501, "union"},
    {"filter=a[?(@.b==@.c)]", 501, "both sides"},
    {"filter=a[?(@.b==$.c)]", 501, "both sides"},
    {"filter=a[?($.b==1)]", 501, "$ within"},
    {"filter=a[?(@.length()==1)]", 501, "a function"},
    {"filter=a[?(@.b=~/x/g)]", 501, "flag"},
};

START_TEST(only_what_has_arrays_within_arrays_is_entered_deeper)
{
    const char *const names[] = {"characteristic", "value", "a"};
    const tmf_path_t path = {names, 3, tmf_customer_attributes};
    tmf_sql_t sql;

    tmf_sql_init(&sql, pool);
    ck_assert_str_eq(tmf_sql_jsonpath(&sql, "c.doc", tmf_path_begin(path, 1), "[*]"),
                     "$1::jsonpath");
    ck_assert_str_eq(tmf_sql_jsonpath(&sql, "c.doc", path, "[0]"),
                     "CASE WHEN c.doc @@ $3::jsonpath THEN $4::jsonpath ELSE $2::jsonpath END");
    ck_assert_str_eq(APR_ARRAY_IDX(sql.parameters, 2, const char *),
                     "exists ($.\"characteristic\"[*].\"value\" ? (@.type() == \"array\")) || "
                     "exists ($.\"characteristic\"[*].\"value\"[*].\"a\" ? (@.type() == "
                     "\"array\"))");
}
END_TEST

START_TEST(wrong_queries_are_refused)
{
    tmf_parameters_t *parameters;
    tmf_error_t *error = tmf_parameters_parse(&parameters, refused[_i].query,
                                              tmf_customer_attributes, pool);

    if (refused[_i].message == NULL) {
        ck_assert_ok(error);
        return;
    }
    ck_assert_msg(error != NULL, "accepted: %s", refused[_i].query);
    ck_assert_int_eq(error->status, refused[_i].status);
    ck_assert_msg(strstr(tmf_error_text(error, pool), refused[_i].message) != NULL, "%s: %s",
                  refused[_i].query, error->message);
}
END_TEST

/* "a=xxx…", `length` bytes of x. */
static const char *long_query(const char *before, int length)
{
    char *text = apr_palloc(pool, (apr_size_t)length + 1);

    memset(text, 'x', (apr_size_t)length);
    text[length] = '\0';
    return apr_pstrcat(pool, before, text, NULL);
}

static const char *many(const char *part, const char *separator, int count)
{
    const char *text = part;
    int i;

    for (i = 1; i < count; i++) {
        text = apr_pstrcat(pool, text, separator, part, NULL);
    }
    return text;
}

static int is_accepted(const char *query)
{
    tmf_parameters_t *parameters;
    tmf_error_t *error = tmf_parameters_parse(&parameters, query, NULL, pool);

    return error == NULL || error->status != 400;
}

START_TEST(the_limits_are_the_documented_ones)
{
    ck_assert(is_accepted(long_query("a=", TMF_FILTER_VALUE_MAX)));
    ck_assert(!is_accepted(long_query("a=", TMF_FILTER_VALUE_MAX + 1)));
    ck_assert(is_accepted(long_query("a.regex=", TMF_FILTER_PATTERN_MAX)));
    ck_assert(!is_accepted(long_query("a.regex=", TMF_FILTER_PATTERN_MAX + 1)));
    ck_assert(is_accepted(many("a>1", "&", TMF_FILTER_CONDITIONS_MAX)));
    ck_assert(!is_accepted(many("a>1", "&", TMF_FILTER_CONDITIONS_MAX + 1)));
    ck_assert(is_accepted(apr_pstrcat(pool, "a=", many("1", ",", TMF_FILTER_OPERANDS_MAX), NULL)));
    ck_assert(
        !is_accepted(apr_pstrcat(pool, "a=", many("1", ",", TMF_FILTER_OPERANDS_MAX + 1), NULL)));
    ck_assert(!is_accepted(apr_pstrcat(pool, long_query("", TMF_FILTER_NAME_MAX + 1), "=1", NULL)));
    ck_assert(
        !is_accepted(apr_pstrcat(pool, "filter=", many("a", ".", TMF_FILTER_PATH_MAX + 1), NULL)));
}
END_TEST

#define COUNT(table) (int)(sizeof(table) / sizeof((table)[0]))

int main(void)
{
    Suite *suite = suite_create("filter");
    TCase *tests = tcase_create("filter");

    tcase_add_checked_fixture(tests, make_pool, destroy_pool);
    tcase_add_loop_test(tests, queries_yield_trees_and_sql, 0, COUNT(rows));
    tcase_add_test(tests, only_what_has_arrays_within_arrays_is_entered_deeper);
    tcase_add_loop_test(tests, wrong_queries_are_refused, 0, COUNT(refused));
    tcase_add_test(tests, the_limits_are_the_documented_ones);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
