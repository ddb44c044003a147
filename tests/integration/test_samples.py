# SPDX-License-Identifier: Apache-2.0
"""The samples of the specification (TMF629 v4.0.0), as it prints them."""
import json

from harness.client import Api, needs_swagger, path_of

CUSTOMER = """{
    "@type": "Customer",
    "href": "https://host:port/tmf-api/customerManagement/v4/customer/1140",
    "id": "1140",
    "name": "Moon Football Club",
    "status": "Approved",
    "statusReason": "Account details checked",
    "validFor": {"startDateTime": "2018-06-12T00:00Z", "endDateTime": "2019-01-11T00:00Z"},
    "engagedParty": [{
        "@referredType": "Organization",
        "href": "https://host:port/tmf-api/partyManagement/v4/organization/500",
        "id": "500", "name": "Happy Travellers"}],
    "account": [{
        "@referredType": "BillingAccount", "description": "This  account ...",
        "href": "https://host:port/tmf-api/accountManagement/v4/account/8251",
        "id": "8251", "name": "Travel Account"}],
    "paymentMethod": [{
        "@referredType": "CreditCardPayment",
        "href": "https://host:port/tmf-api/paymentMethods/v1/paymentMethod/9562",
        "id": "9562", "name": "professional payment"}],
    "contactMedium": [{
        "@referredType": "TelephoneMedium",
        "@schemaLocation": "https://my.schemas/TelephoneMedium.schema.json",
        "preferred": false, "mediumType": "TelephoneNumber",
        "validFor": {"startDateTime": "2018-06-13T00:00Z", "endDateTime": "2019-01-11T00:00Z"},
        "characteristic": {
            "city": "Paris", "street1": "15 Rue des Canards",
            "emailAddress": "alain.delon@best-actor.fr", "postCode": "75014", "country": "France",
            "contactType": "home"}}],
    "characteristic": [{"name": "fidelityProgram", "value": "premium", "valueType": "string"}],
    "creditProfile": [{
        "creditProfileDate": "2018-06-15T00:00Z", "creditRiskRating": 4, "creditScore": 5,
        "validFor": {"startDateTime": "2018-06-13T00:00Z", "endDateTime": "2019-01-11T00:00Z"}}],
    "agreement": [{
        "@referredType": "Agreement",
        "href": "https://host:port/tmf-api/agreementManagement/v4/agreement/4721",
        "id": "4721", "name": "Summer Contract Agreement"}],
    "relatedParty": [{
        "@referredType": "Organization",
        "href": "https://host:port/tmf-api/partyManagement/v4/organization/2777",
        "id": "2777", "name": "John Doe", "role": "bill receiver"}]
}"""


def expected(href, name="1140"):
    """The sample as src/api/README.md §1 has it come back: engagedParty as the object it is."""
    sample = json.loads(CUSTOMER)
    return {**sample, "id": name, "href": href, "engagedParty": sample["engagedParty"][0]}


def test_the_sample_customer_round_trips(api):
    created = api.post(CUSTOMER)
    assert created.status_code == 201
    body = created.json()
    assert body == expected(body["href"], body["id"])
    reply = api.get(path_of(body), headers={"Accept": "application/json"})
    assert (reply.status_code, reply.json()) == (200, body)


def test_the_samples_of_list_retrieve_patch_and_delete(start_httpd):
    server = start_httpd(location="TMFCustomerClientId On\n"
                                  "TMFCustomerBaseURL https://host:8443")
    api = Api(server.url)
    assert api.post(CUSTOMER).status_code == 201
    sample = expected("https://host:8443/tmf-api/customerManagement/v4/customer/1140")
    reply = api.get("/customer", headers={"Accept": "application/json"})
    assert (reply.status_code, reply.json()) == (200, [sample])
    reply = api.get("/customer/1140", headers={"Accept": "application/json"})
    assert (reply.status_code, reply.json()) == (200, sample)
    reply = api.patch("/customer/1140", '{\n    "name": "new name"\n}')
    assert (reply.status_code, reply.json()) == (200, {**sample, "name": "new name"})
    assert api.delete("/customer/1140").status_code == 204


def test_the_sample_of_create_adopts_the_related_party(api):
    reply = api.post("""{
    "name": "Moon Football Club",
    "relatedParty": [
        {
            "@referredType": "Organization",
            "id": "500",
            "name": "Moon Football Club "
        }
    ]
}""")
    assert reply.status_code == 201
    party = {"@referredType": "Organization", "id": "500", "name": "Moon Football Club "}
    body = reply.json()
    assert body == {"@type": "Customer", "id": body["id"], "href": body["href"],
                    "name": "Moon Football Club", "relatedParty": [party], "engagedParty": party}


def test_bodies_are_checked_against_the_official_swagger(api):
    needs_swagger()
    api.validator.check(api.post(CUSTOMER).json())
