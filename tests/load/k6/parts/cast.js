// The people of a scenario with their keys and chats, and the books: made before the load, by Portico's own routes.

import http from 'k6/http';
import { sleep } from 'k6';
import { baseUrl, number, targets } from './plan.js';
import { address, book, text } from './words.js';

const CHATS = 12;
const MESSAGES = 4;
const KEYS = 4;
const BOOKS = 100;

export const PASSWORD = 'obviously-fake-load-password';

export function prepare(scenario) {
  const asks = Object.keys(targets(scenario).asks);
  const some = (...names) => names.some((name) => asks.includes(name));
  const needs = {
    chats: some('chats', 'messages', 'chat'),
    keys: some('me', 'send', 'chats', 'messages', 'chat'),
    bearers: some('login', 'orders', 'place_order', 'user_models', 'models'),
  };
  const cast = { people: [], books: [] };
  if (needs.keys || needs.bearers) {
    const run = `${Date.now().toString(36)}-${Math.floor(Math.random() * 1e9).toString(36)}`;
    for (let number_ = 0; number_ < number('PEOPLE', 10); number_ += 1) {
      cast.people.push(person(`k6-${run}-${number_}@load.example`, needs));
    }
  }
  if (some('books', 'book', 'author', 'search', 'place_order')) cast.books = books();
  return cast;
}

// A request of the preparation, which must succeed.
function ask(method, path, body, headers, allowed, setting) {
  const params = { headers: { 'content-type': 'application/json', ...headers }, responseType: 'text' };
  const once = () => http.request(method, baseUrl + path, body === null ? null : JSON.stringify(body), params);
  let answer = once();
  // A busy server puts off what costs it much, such as hashing a password.
  for (let tries = 0; answer.status === 503 && tries < 60; tries += 1) {
    sleep(1);
    answer = once();
  }
  if (answer.status === 429) throw new Error(`the server limits what the preparation does: start it with ${setting}=off`);
  if (!allowed.includes(answer.status)) {
    throw new Error(`preparing: ${method} ${path}: ${answer.status} ${answer.error || String(answer.body).slice(0, 300)}`);
  }
  return answer.json();
}

function person(email, needs) {
  const body = { email, password: PASSWORD, name: 'Ada' };
  const answer = ask('POST', '/api/v1/auth/register', body, {}, [201], 'PORTICO_LIMIT_REGISTER');
  const bearer = `Bearer ${answer.access_token}`;
  // Of an instance of their own. Any identifier will do; the person's is nobody else's.
  const made = { email, bearer, lifetime: answer.expires_in, instance: answer.user.id, keys: [], chats: [] };
  for (let each = 0; needs.keys && each < KEYS; each += 1) {
    const key = { name: `load ${each}`, scopes: ['messages:read', 'messages:write', 'models:read'] };
    made.keys.push(ask('POST', '/api/v1/api-keys', key, { authorization: bearer }, [201], 'PORTICO_LIMIT_ACCOUNT').key);
  }
  for (let each = 0; needs.chats && each < CHATS * MESSAGES; each += 1) {
    const message = { instance_id: made.instance, to: address(each % CHATS), text: text() };
    const sent = ask('POST', '/api/v2/messages/send', message, { 'x-api-key': made.keys[0] }, [201], 'PORTICO_LIMIT_KEY');
    if (each < CHATS) made.chats.push(sent.chat_id);
  }
  return made;
}

function books() {
  const listed = () => ask('GET', '/api/v1/books?limit=100', null, {}, [200]).data.map(({ id, author }) => ({ id, author }));
  let found = listed();
  if (found.length < BOOKS && __ENV.ADMIN_TOKEN) {
    const headers = { authorization: `Bearer ${__ENV.ADMIN_TOKEN}` };
    for (let each = 0; each < BOOKS; each += 1) {
      // A run before this one may have put it there.
      ask('POST', '/api/v1/books', book(each), headers, [201, 409], 'PORTICO_LIMIT_ACCOUNT');
    }
    found = listed();
  }
  if (found.length === 0) {
    throw new Error('the catalogue has no books to ask for: give an admin\'s token as ADMIN_TOKEN, or run `portico seed` on its database');
  }
  return found;
}
