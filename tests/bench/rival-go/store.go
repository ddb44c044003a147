// SPDX-License-Identifier: Apache-2.0
package main

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgconn"
)

// More of them only compete for the cores.
const connections = 12

// event makes of a change one statement that writes the event, too.
func event(change, eventType string) string {
	return `WITH changed AS (` + change + ` RETURNING document)
		INSERT INTO outbox (event_type, customer) SELECT ` + eventType + `, document FROM changed`
}

var statements = map[string]string{
	"begin":    "BEGIN",
	"commit":   "COMMIT",
	"rollback": "ROLLBACK",
	"read":     "SELECT document FROM customers WHERE id = $1",
	"lock":     "SELECT document FROM customers WHERE id = $1 FOR UPDATE",
	"count":    "SELECT count(*) FROM customers",
	"page":     "SELECT document FROM customers ORDER BY id LIMIT $1::bigint OFFSET $2::bigint",
	"count_of": "SELECT count(*) FROM customers WHERE document ->> 'status' = $1",
	"page_of": `SELECT document FROM customers WHERE document ->> 'status' = $3
		ORDER BY id LIMIT $1::bigint OFFSET $2::bigint`,
	"create":  event("INSERT INTO customers VALUES ($1, $2)", "'CustomerCreateEvent'"),
	"replace": event("UPDATE customers SET document = $2 WHERE id = $1", "$3::text"),
	"remove":  event("DELETE FROM customers WHERE id = $1", "'CustomerDeleteEvent'"),
}

// store has a fixed number of connections, each with all statements prepared.
type store struct {
	config *pgconn.Config
	idle   chan *pgconn.PgConn
}

// step is one prepared statement of a batch.
type step struct {
	statement  string
	parameters [][]byte
	each       func(row [][]byte) // what row holds is valid during the call
}

func newStore(address string) (*store, error) {
	config, err := pgconn.ParseConfig(address)
	if err != nil {
		return nil, err
	}
	// Many short statements at a time: workers and compilation cost more than they gain.
	config.RuntimeParams["max_parallel_workers_per_gather"] = "0"
	config.RuntimeParams["jit"] = "off"
	s := &store{config, make(chan *pgconn.PgConn, connections)}
	for i := 0; i < connections; i++ {
		connection, err := s.connect()
		if err != nil {
			return nil, err
		}
		s.idle <- connection
	}
	return s, nil
}

func (s *store) connect() (*pgconn.PgConn, error) {
	connection, err := pgconn.ConnectConfig(context.Background(), s.config)
	if err != nil {
		return nil, err
	}
	for name, text := range statements {
		if _, err = connection.Prepare(context.Background(), name, text, nil); err != nil {
			return nil, err
		}
	}
	return connection, nil
}

// take waits for a connection; it has to be given back, even if it is closed.
func (s *store) take() (*pgconn.PgConn, error) {
	connection := <-s.idle
	if !connection.IsClosed() {
		return connection, nil
	}
	fresh, err := s.connect()
	if err != nil {
		s.idle <- connection
		return nil, err
	}
	return fresh, nil
}

func one(connection *pgconn.PgConn, only step) (rows int64, err error) {
	result := connection.ExecPrepared(context.Background(), only.statement, only.parameters, nil, nil)
	for result.NextRow() {
		only.each(result.Values())
	}
	tag, err := result.Close()
	return tag.RowsAffected(), err
}

// batch sends all steps at once, and waits once.
func batch(connection *pgconn.PgConn, steps ...step) error {
	var all pgconn.Batch
	for _, next := range steps {
		all.ExecPrepared(next.statement, next.parameters, nil, nil)
	}
	results := connection.ExecBatch(context.Background(), &all)
	for i := 0; results.NextResult(); i++ {
		for reader := results.ResultReader(); reader.NextRow(); {
			steps[i].each(reader.Values())
		}
	}
	return results.Close()
}

// run is one for whoever has no connection.
func (s *store) run(only step) (rows int64, err error) {
	connection, err := s.take()
	if err != nil {
		return 0, err
	}
	rows, err = one(connection, only)
	s.idle <- connection
	return rows, err
}

// runAll is batch for whoever has no connection.
func (s *store) runAll(steps ...step) error {
	connection, err := s.take()
	if err != nil {
		return err
	}
	err = batch(connection, steps...)
	s.idle <- connection
	return err
}

// change replaces a customer by what compute makes of it while its row is locked: two round trips.
func (s *store) change(id []byte, compute func(document []byte) (after []byte, event string, err error)) ([]byte, error) {
	connection, err := s.take()
	if err != nil {
		return nil, err
	}
	defer func() { s.idle <- connection }()
	var document, after []byte
	var event string
	err = batch(connection, step{statement: "begin"},
		step{"lock", [][]byte{id}, func(row [][]byte) { document = append([]byte(nil), row[0]...) }})
	if err == nil && document == nil {
		err = notFound(id)
	}
	if err == nil {
		after, event, err = compute(document)
	}
	if err == nil {
		err = batch(connection, step{statement: "replace", parameters: [][]byte{id, after, []byte(event)}}, step{statement: "commit"})
	}
	if err != nil {
		if _, failed := one(connection, step{statement: "rollback"}); failed != nil {
			connection.Close(context.Background())
		}
		return nil, err
	}
	return after, nil
}

// isBadData says that PostgreSQL could not take a value, such as a string with the character 0.
func isBadData(err error) bool {
	var failure *pgconn.PgError
	return errors.As(err, &failure) && strings.HasPrefix(failure.Code, "22")
}
