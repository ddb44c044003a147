// SPDX-License-Identifier: Apache-2.0
// Creates a customer, finds it by attributes, and prints its id: for a test, which knows the base URL.
import { createCustomer, listCustomers } from "./client";

declare const process: { argv: string[] };

async function main(base: string): Promise<void> {
  const made = await createCustomer(base, {
    name: "Typed Rowing Club",
    engagedParty: { id: "501", "@referredType": "Organization" },
    contactMedium: [{ mediumType: "email", characteristic: { emailAddress: "typed@example.org" } }],
    boats: 12, // a member of our own
  });
  const found = await listCustomers(base, { limit: 5, attributes: { "contactMedium.characteristic.emailAddress": "typed@example.org" } });
  const medium = found[0]?.contactMedium?.[0];
  if (medium === undefined || found[0].id !== made.id) throw new Error("it is not found");
  console.log(JSON.stringify({ id: made.id, party: made.engagedParty.id, address: medium.characteristic.emailAddress, boats: made.boats }));
}

void main(process.argv[2]);
