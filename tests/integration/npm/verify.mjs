// SPDX-License-Identifier: Apache-2.0
// Reads [{secret, headers, body}, …] from standard input and writes, for each, null or why it does not verify.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const { Webhook } = createRequire(process.argv[2])("standardwebhooks");

function fault({ secret, headers, body }) {
  try {
    new Webhook(secret).verify(body, headers);
    return null;
  } catch (error) {
    return String(error.message);
  }
}

console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf-8")).map(fault)));
