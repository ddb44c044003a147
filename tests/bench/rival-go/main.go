// SPDX-License-Identifier: Apache-2.0

// The customer API as a team would write it for speed: fasthttp and pgx's connections in one process, statements prepared, what
// goes together sent together, stored JSON handed through as text and changed as text. It does less than the module:
// mandatory attributes and types are checked, most else is not; no ETag, no filter but status, and events are written, not
// delivered.
//
//	DATABASE_URL   whose search_path finds the tables of ../rival/schema.sql
//	PORT           on 127.0.0.1
package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"runtime/debug"
	"strconv"

	"github.com/valyala/fasthttp"
)

const customers = "/tmf-api/customerManagement/v4/customer"

var prefix = []byte(customers + "/")

// refusal is an error that is the client's.
type refusal struct {
	status  int
	message string
}

func (r refusal) Error() string {
	return r.message
}

func notFound(id []byte) error {
	return refusal{404, "there is no customer " + string(id)}
}

type server struct {
	store  *store
	origin string
}

func (s *server) serve(ctx *fasthttp.RequestCtx) {
	if err := s.answer(ctx); err != nil {
		reject(ctx, err)
	}
}

func (s *server) answer(ctx *fasthttp.RequestCtx) error {
	path := ctx.Path()
	if bytes.HasPrefix(path, prefix) {
		id := path[len(prefix):]
		switch {
		case ctx.IsGet():
			return s.read(ctx, id)
		case ctx.IsPatch():
			return s.patch(ctx, id)
		case ctx.IsDelete():
			return s.remove(ctx, id)
		}
		return refusal{405, "a customer is read, patched or deleted"}
	}
	if string(path) != customers {
		return refusal{404, "there is nothing here"}
	}
	switch {
	case ctx.IsGet():
		return s.list(ctx)
	case ctx.IsPost():
		return s.create(ctx)
	}
	return refusal{405, "customers are listed or created"}
}

func reject(ctx *fasthttp.RequestCtx, err error) {
	status, message := 500, "the request could not be completed"
	if known, ok := err.(refusal); ok {
		status, message = known.status, known.message
	} else if isBadData(err) {
		status, message = 400, "a value cannot be stored"
	} else {
		log.Print(err)
	}
	code := strconv.Itoa(status)
	text, _ := json.Marshal(map[string]string{"code": code, "reason": message, "message": message, "status": code, "@type": "Error"})
	reply(ctx, status, text)
}

func reply(ctx *fasthttp.RequestCtx, status int, text []byte) {
	ctx.SetStatusCode(status)
	ctx.SetContentType("application/json; charset=utf-8")
	ctx.SetBody(text)
}

func (s *server) read(ctx *fasthttp.RequestCtx, id []byte) error {
	found := false
	_, err := s.store.run(step{"read", [][]byte{id}, func(row [][]byte) {
		found = true
		reply(ctx, 200, row[0])
	}})
	if err == nil && !found {
		err = notFound(id)
	}
	return err
}

// number reads an argument of the query: its digits, for PostgreSQL.
func number(arguments *fasthttp.Args, name string, fallback, least, most int) ([]byte, error) {
	value := fallback
	if text := arguments.Peek(name); text != nil {
		var err error
		if value, err = strconv.Atoi(string(text)); err != nil || value < least {
			return nil, refusal{400, fmt.Sprintf("%s: a number of at least %d is needed", name, least)}
		}
	}
	if value > most {
		value = most
	}
	return strconv.AppendInt(nil, int64(value), 10), nil
}

func (s *server) list(ctx *fasthttp.RequestCtx) error {
	arguments := ctx.QueryArgs()
	limit, err := number(arguments, "limit", 100, 1, 1000)
	if err != nil {
		return err
	}
	offset, err := number(arguments, "offset", 0, 0, 1<<40)
	if err != nil {
		return err
	}
	page, count := step{statement: "page", parameters: [][]byte{limit, offset}}, step{statement: "count"}
	if status := arguments.Peek("status"); status != nil {
		page = step{statement: "page_of", parameters: [][]byte{limit, offset, status}}
		count = step{statement: "count_of", parameters: [][]byte{status}}
	}
	rows := 0
	page.each = func(row [][]byte) {
		if rows++; rows > 1 {
			ctx.Response.AppendBodyString(",")
		}
		ctx.Response.AppendBody(row[0])
	}
	count.each = func(row [][]byte) { ctx.Response.Header.SetBytesV("X-Total-Count", row[0]) }
	ctx.SetContentType("application/json; charset=utf-8")
	ctx.Response.AppendBodyString("[")
	if err = s.store.runAll(page, count); err != nil {
		return err
	}
	ctx.Response.AppendBodyString("]")
	ctx.Response.Header.Set("X-Result-Count", strconv.Itoa(rows))
	return nil
}

func newID() (string, error) {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		return "", err
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]), nil
}

func (s *server) create(ctx *fasthttp.RequestCtx) error {
	id, err := newID()
	if err != nil {
		return err
	}
	href := s.origin + customers + "/" + id
	text, err := created(ctx.PostBody(), id, href)
	if err != nil {
		return err
	}
	if _, err = s.store.run(step{statement: "create", parameters: [][]byte{[]byte(id), text}}); err != nil {
		return err
	}
	ctx.Response.Header.Set("Location", href)
	reply(ctx, 201, text)
	return nil
}

func (s *server) patch(ctx *fasthttp.RequestCtx, id []byte) error {
	isJSONPatch := bytes.HasPrefix(ctx.Request.Header.ContentType(), []byte("application/json-patch+json"))
	after, err := s.store.change(id, func(document []byte) ([]byte, string, error) {
		return changed(document, ctx.PostBody(), isJSONPatch)
	})
	if err != nil {
		return err
	}
	reply(ctx, 200, after)
	return nil
}

func (s *server) remove(ctx *fasthttp.RequestCtx, id []byte) error {
	rows, err := s.store.run(step{statement: "remove", parameters: [][]byte{id}})
	if err == nil && rows == 0 {
		err = notFound(id)
	}
	if err == nil {
		ctx.SetStatusCode(204)
	}
	return err
}

func main() {
	debug.SetGCPercent(400)
	store, err := newStore(os.Getenv("DATABASE_URL"))
	if err != nil {
		log.Fatal(err)
	}
	address := "127.0.0.1:" + os.Getenv("PORT")
	s := &server{store, "http://" + address}
	log.Fatal((&fasthttp.Server{Handler: s.serve, NoDefaultServerHeader: true}).ListenAndServe(address))
}
