// SPDX-License-Identifier: Apache-2.0
// The customer API as a team would write it today: Fastify and node-postgres. It is tuned: a process for
// each core, prepared statements, and stored JSON that is handed through as text. It does less than the
// module: mandatory attributes are checked, most else is not; no ETag, no filter but status, and events
// are written, not delivered.
//
//   DATABASE_URL   whose search_path finds the tables of schema.sql
//   PORT           on 127.0.0.1
//   OUTBOX=1       each change writes an event, in the same statement
'use strict';
const cluster = require('node:cluster');
const { randomUUID } = require('node:crypto');
const fastify = require('fastify');
const pg = require('pg');

const PROCESSES = 2;
const CONNECTIONS = 10; // of each process; more of them only compete for the cores
const JSONB = 3802;
const BIGINT = 20;
const PATH = '/tmf-api/customerManagement/v4/customer';
const ORIGIN = `http://127.0.0.1:${process.env.PORT}`;
const WITH_EVENT = process.env.OUTBOX === '1';

const reference = { type: 'object', properties: { id: { type: 'string' }, name: { type: 'string' } } };
const listOf = (...required) => ({ type: 'array', items: { type: 'object', required } });
const CUSTOMER = {
  type: 'object',
  required: ['name', 'engagedParty'],
  properties: {
    name: { type: 'string', minLength: 1 },
    status: { type: 'string' },
    statusReason: { type: 'string' },
    engagedParty: reference,
    validFor: { type: 'object' },
    account: listOf('name'),
    agreement: listOf('id'),
    characteristic: listOf('name', 'value'),
    contactMedium: listOf('mediumType', 'characteristic'),
    creditProfile: listOf('creditProfileDate', 'validFor'),
    paymentMethod: listOf('id'),
    relatedParty: listOf('id', '@referredType'),
  },
};

// The changing statement, with the event when events are wanted; `type` is an SQL expression.
const telling = (change, type) => WITH_EVENT
  ? `WITH changed AS (${change} RETURNING document)
     INSERT INTO outbox (event_type, customer) SELECT ${type}, document FROM changed`
  : change;

const prepared = (name, text) => (values) => ({ name, text, values });
const READ = prepared('read', 'SELECT document FROM customers WHERE id = $1');
const PAGE = prepared('page', 'SELECT document FROM customers ORDER BY id LIMIT $1 OFFSET $2');
const COUNT = prepared('count', 'SELECT count(*) AS total FROM customers');
const PAGE_OF = prepared('page_of',
  `SELECT document FROM customers WHERE document ->> 'status' = $3 ORDER BY id LIMIT $1 OFFSET $2`);
const COUNT_OF = prepared('count_of', `SELECT count(*) AS total FROM customers WHERE document ->> 'status' = $1`);
const CREATE = prepared('create',
  telling('INSERT INTO customers VALUES ($1, $2)', `'CustomerCreateEvent'`));
const LOCK = prepared('lock', 'SELECT document FROM customers WHERE id = $1 FOR UPDATE');
const REPLACE = prepared('replace',
  telling('UPDATE customers SET document = $2 WHERE id = $1', WITH_EVENT ? '$3::text' : ''));
const REMOVE = prepared('remove', telling('DELETE FROM customers WHERE id = $1', `'CustomerDeleteEvent'`));

class Refusal extends Error {
  constructor(statusCode, message) {
    super(message);
    this.statusCode = statusCode;
  }
}

const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);

// RFC 7386
function merged(target, patch) {
  if (!isObject(patch)) return patch;
  const result = isObject(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = merged(result[name], value);
  }
  return result;
}

function number(text, fallback, name) {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new Refusal(400, `${name}: a number is needed`);
  return value;
}

function serve() {
  pg.types.setTypeParser(JSONB, (text) => text);
  pg.types.setTypeParser(BIGINT, Number);
  const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: CONNECTIONS });
  pool.on('error', (error) => console.error(error.message));

  const server = fastify({ keepAliveTimeout: 60000, ajv: { customOptions: { removeAdditional: false, coerceTypes: false } } });
  server.addContentTypeParser('application/merge-patch+json', { parseAs: 'string' },
    server.getDefaultJsonParser('error', 'error'));
  server.setErrorHandler((error, request, reply) => {
    const status = error.validation ? 400 : error.statusCode ?? 500;
    if (status >= 500) console.error(error);
    const message = status < 500 ? error.message : 'The request could not be completed';
    return reply.code(status).send({ code: `${status}`, reason: message, message, status: `${status}`, '@type': 'Error' });
  });
  const sendText = (reply, text) => reply.header('content-type', 'application/json; charset=utf-8').send(text);
  // As text: it is a string to Fastify already.
  const only = (rows, id) => {
    if (rows.length === 0) throw new Refusal(404, `There is no customer ${id}`);
    return rows[0].document;
  };

  server.get(`${PATH}/:id`, async (request, reply) => {
    const { rows } = await pool.query(READ([request.params.id]));
    return sendText(reply, only(rows, request.params.id));
  });

  server.get(PATH, async (request, reply) => {
    const { status } = request.query;
    const cut = [Math.min(number(request.query.limit, 100, 'limit'), 1000), number(request.query.offset, 0, 'offset')];
    const [page, count] = await Promise.all(status === undefined
      ? [pool.query(PAGE(cut)), pool.query(COUNT([]))]
      : [pool.query(PAGE_OF([...cut, status])), pool.query(COUNT_OF([status]))]);
    reply.header('x-total-count', count.rows[0].total).header('x-result-count', page.rowCount);
    return sendText(reply, `[${page.rows.map((row) => row.document).join(',')}]`);
  });

  server.post(PATH, { schema: { body: CUSTOMER } }, async (request, reply) => {
    const id = randomUUID();
    const href = `${ORIGIN}${PATH}/${id}`;
    const text = JSON.stringify({ ...request.body, '@type': request.body['@type'] ?? 'Customer', id, href });
    await pool.query(CREATE([id, text]));
    return sendText(reply.code(201).header('location', href), text);
  });

  server.patch(`${PATH}/:id`, { schema: { body: { type: 'object' } } }, async (request, reply) => {
    const { id } = request.params;
    const isValid = request.compileValidationSchema(CUSTOMER);
    const connection = await pool.connect();
    try {
      await connection.query('BEGIN');
      const before = JSON.parse(only((await connection.query(LOCK([id]))).rows, id));
      const after = merged(before, request.body);
      if (after.id !== before.id || after.href !== before.href) throw new Refusal(400, 'id and href cannot change');
      if (!isValid(after)) throw new Refusal(400, isValid.errors[0].message);
      const text = JSON.stringify(after);
      const event = after.status === before.status ? 'CustomerAttributeValueChangeEvent' : 'CustomerStateChangeEvent';
      await connection.query(REPLACE(WITH_EVENT ? [id, text, event] : [id, text]));
      await connection.query('COMMIT');
      return sendText(reply, text);
    } catch (error) {
      await connection.query('ROLLBACK');
      throw error;
    } finally {
      connection.release();
    }
  });

  server.delete(`${PATH}/:id`, async (request, reply) => {
    const { rowCount } = await pool.query(REMOVE([request.params.id]));
    if (rowCount === 0) throw new Refusal(404, `There is no customer ${request.params.id}`);
    return reply.code(204).send();
  });

  return server.listen({ port: Number(process.env.PORT), host: '127.0.0.1' });
}

if (cluster.isPrimary) {
  for (let i = 0; i < PROCESSES; i++) cluster.fork();
  cluster.on('exit', () => process.exit(1));
} else {
  serve().catch((error) => {
    console.error(error);
    process.exit(1);
  });
}
