// SPDX-License-Identifier: Apache-2.0
// What a client of the API may rely on, as the types that are generated from its description say.
import type { components, operations, paths } from "./description";

export const JSON_TYPE = "application/json;charset=utf-8";
export type Customer = components["schemas"]["Customer"];
export type TmfError = components["schemas"]["Error"];
export type Body<Operation extends keyof operations, Status extends number> =
  operations[Operation] extends { responses: Record<Status, { content: { [JSON_TYPE]: infer Content } }> } ? Content : never;

type Query = NonNullable<paths["/customer"]["get"]["parameters"]["query"]>;

export async function listCustomers(base: string, { attributes, ...query }: Query): Promise<Customer[]> {
  const parameters = new URLSearchParams({ ...attributes });
  for (const [name, value] of Object.entries(query)) parameters.set(name, String(value));
  const reply = await fetch(`${base}/customer?${parameters}`);
  if (!reply.ok) throw new Error(((await reply.json()) as TmfError).message);
  return (await reply.json()) as Customer[];
}

export async function createCustomer(base: string, customer: components["schemas"]["CustomerCreate"]): Promise<Customer> {
  const reply = await fetch(`${base}/customer`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(customer),
  });
  if (!reply.ok) throw new Error(((await reply.json()) as TmfError).message);
  return (await reply.json()) as Customer;
}
