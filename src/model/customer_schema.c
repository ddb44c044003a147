/* SPDX-License-Identifier: Apache-2.0 */
#include "model/customer_schema.h"

#include <stddef.h>

#define STRING(name)                                                                               \
    {                                                                                              \
        name, TMF_KIND_STRING, 0, NULL                                                             \
    }
#define URI(name)                                                                                  \
    {                                                                                              \
        name, TMF_KIND_URI, 0, NULL                                                                \
    }
#define MANDATORY_STRING(name)                                                                     \
    {                                                                                              \
        name, TMF_KIND_STRING, 1, NULL                                                             \
    }
#define INTEGER(name)                                                                              \
    {                                                                                              \
        name, TMF_KIND_INTEGER, 0, NULL                                                            \
    }
#define OBJECT(name, inside)                                                                       \
    {                                                                                              \
        name, TMF_KIND_OBJECT, 0, inside                                                           \
    }
#define ARRAY(name, inside)                                                                        \
    {                                                                                              \
        name, TMF_KIND_ARRAY, 0, inside                                                            \
    }
#define POLYMORPHIC STRING("@type"), STRING("@baseType"), URI("@schemaLocation")
#define END                                                                                        \
    {                                                                                              \
        NULL, TMF_KIND_ANY, 0, NULL                                                                \
    }

/* clang-format off */
const tmf_attribute_t tmf_time_period_attributes[] = {
    {"startDateTime", TMF_KIND_DATETIME, 0, NULL},
    {"endDateTime", TMF_KIND_DATETIME, 0, NULL},
    POLYMORPHIC, END
};

static const tmf_attribute_t account_ref[] = {
    STRING("id"), STRING("href"), MANDATORY_STRING("name"), STRING("description"),
    STRING("@referredType"), POLYMORPHIC, END
};

/* AgreementRef and PaymentMethodRef */
static const tmf_attribute_t entity_ref[] = {
    MANDATORY_STRING("id"), STRING("href"), STRING("name"), STRING("@referredType"),
    POLYMORPHIC, END
};

static const tmf_attribute_t related_party[] = {
    MANDATORY_STRING("id"), MANDATORY_STRING("@referredType"), STRING("href"), STRING("name"),
    STRING("role"), POLYMORPHIC, END
};

static const tmf_attribute_t characteristic[] = {
    MANDATORY_STRING("name"), {"value", TMF_KIND_ANY, 1, NULL}, STRING("valueType"),
    POLYMORPHIC, END
};

static const tmf_attribute_t medium_characteristic[] = {
    STRING("city"), STRING("contactType"), STRING("country"), STRING("emailAddress"),
    STRING("faxNumber"), STRING("phoneNumber"), STRING("postCode"), STRING("socialNetworkId"),
    STRING("stateOrProvince"), STRING("street1"), STRING("street2"), POLYMORPHIC, END
};

static const tmf_attribute_t contact_medium[] = {
    MANDATORY_STRING("mediumType"),
    {"characteristic", TMF_KIND_OBJECT, 1, medium_characteristic},
    {"preferred", TMF_KIND_BOOLEAN, 0, NULL},
    OBJECT("validFor", tmf_time_period_attributes),
    POLYMORPHIC, END
};

static const tmf_attribute_t credit_profile[] = {
    {"creditProfileDate", TMF_KIND_DATETIME, 1, NULL},
    {"validFor", TMF_KIND_OBJECT, 1, tmf_time_period_attributes},
    INTEGER("creditRiskRating"), INTEGER("creditScore"), POLYMORPHIC, END
};

const tmf_attribute_t tmf_customer_attributes[] = {
    MANDATORY_STRING("name"),
    {"engagedParty", TMF_KIND_OBJECT, 1, related_party},
    STRING("status"),
    STRING("statusReason"),
    OBJECT("validFor", tmf_time_period_attributes),
    ARRAY("account", account_ref),
    ARRAY("agreement", entity_ref),
    ARRAY("characteristic", characteristic),
    ARRAY("contactMedium", contact_medium),
    ARRAY("creditProfile", credit_profile),
    ARRAY("paymentMethod", entity_ref),
    ARRAY("relatedParty", related_party),
    POLYMORPHIC, END
};
/* clang-format on */
