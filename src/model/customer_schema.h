/* SPDX-License-Identifier: Apache-2.0 */
/* The attributes of a customer as the specification types them (src/api/README.md §1): the table
 * that customer.c walks. */
#ifndef TMF_MODEL_CUSTOMER_SCHEMA_H
#define TMF_MODEL_CUSTOMER_SCHEMA_H

typedef enum {
    TMF_KIND_ANY, /* any JSON */
    TMF_KIND_STRING,
    TMF_KIND_URI, /* a string of uri.h: absolute or relative */
    TMF_KIND_BOOLEAN,
    TMF_KIND_INTEGER,  /* spelled without fraction and exponent */
    TMF_KIND_DATETIME, /* a string of datetime.h */
    TMF_KIND_OBJECT,
    TMF_KIND_ARRAY /* of objects */
} tmf_kind_t;

typedef struct tmf_attribute_t {
    const char *name;
    tmf_kind_t kind;
    int mandatory;                        /* present, and a string not blank */
    const struct tmf_attribute_t *inside; /* of an object, or of each element of an array */
} tmf_attribute_t;

/* Ends with a row whose name is NULL. */
extern const tmf_attribute_t tmf_customer_attributes[];
/* The TimePeriod, whose end may not be before its start. */
extern const tmf_attribute_t tmf_time_period_attributes[];

#endif
