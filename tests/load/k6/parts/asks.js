// What is asked, one function a kind, named as in ../../thresholds.json.

import http from 'k6/http';
import { sleep } from 'k6';
import { Trend } from 'k6/metrics';
import { baseUrl, pause, targets, timeLimit } from './plan.js';
import { PASSWORD } from './cast.js';
import { SEARCHED, address, pick, text } from './words.js';

// Statements of a request, as `Server-Timing` tells: db;dur=1.2;desc="2".
const statements = new Trend('statements');
const COUNT = /(?:^|,)\s*db;[^,]*desc="(\d+)"/;

// Each virtual user is one of the people where an access token is asked for, and signs in anew before it ends: a refresh token is good once, and can't be shared.
let session = null;

const byKey = (person) => ({ 'x-api-key': pick(person.keys) });

const KINDS = {
  health: () => send('GET /health', 'GET', '/health'),
  login: (cast) => send('POST /api/v1/auth/login', 'POST', '/api/v1/auth/login', { email: pick(cast.people).email, password: PASSWORD }),
  me: (cast) => send('GET /api/v1/auth/me', 'GET', '/api/v1/auth/me', null, byKey(pick(cast.people))),
  send: (cast) => {
    const person = pick(cast.people);
    const body = { instance_id: person.instance, to: address(Math.floor(Math.random() * 12)), text: text() };
    return send('POST /api/v2/messages/send', 'POST', '/api/v2/messages/send', body, byKey(person));
  },
  chats: (cast) => send('GET /api/v2/chats', 'GET', '/api/v2/chats', null, byKey(pick(cast.people))),
  messages: (cast) => {
    const person = pick(cast.people);
    return send('GET /api/v2/chats/{id}/messages', 'GET', `/api/v2/chats/${pick(person.chats)}/messages`, null, byKey(person));
  },
  chat: (cast) => {
    const person = pick(cast.people);
    return send('GET /api/v2/chats/{id}', 'GET', `/api/v2/chats/${pick(person.chats)}`, null, byKey(person));
  },
  books: () => send('GET /api/v1/books', 'GET', `/api/v1/books?limit=${pick([20, 10, 50])}`),
  book: (cast) => send('GET /api/v1/books/{id}', 'GET', `/api/v1/books/${pick(cast.books).id}`),
  author: (cast) => send('GET /api/v1/books?author=', 'GET', `/api/v1/books?author=${encodeURIComponent(pick(cast.books).author)}`),
  search: () => send('GET /api/v1/books?q=', 'GET', `/api/v1/books?q=${pick(SEARCHED)}`),
  orders: (cast) => send('GET /api/v1/orders', 'GET', '/api/v1/orders', null, bearer(cast)),
  place_order: (cast) => {
    const body = { items: [{ book_id: pick(cast.books).id, quantity: 1 + Math.floor(Math.random() * 3) }] };
    return send('POST /api/v1/orders', 'POST', '/api/v1/orders', body, bearer(cast));
  },
  user_models: (cast) => send('GET /api/v1/user/models', 'GET', '/api/v1/user/models', null, bearer(cast)),
  models: (cast) => send('GET /api/v1/models', 'GET', '/api/v1/models', null, bearer(cast)),
};

function bearer(cast) {
  const person = cast.people[__VU % cast.people.length];
  session = session || { authorization: person.bearer, from: cast.from };
  if (Date.now() - session.from > person.lifetime * 800) {
    const body = JSON.stringify({ email: person.email, password: PASSWORD });
    const params = { headers: { 'content-type': 'application/json' }, responseType: 'text', tags: { name: 'POST /api/v1/auth/login' } };
    const answer = http.post(`${baseUrl}/api/v1/auth/login`, body, params);
    if (answer.status === 200) session = { authorization: `Bearer ${answer.json().access_token}`, from: Date.now() };
  }
  return { authorization: session.authorization };
}

function send(name, method, path, body = null, headers = {}) {
  const params = { headers, tags: { name }, timeout: timeLimit };
  if (body !== null) params.headers = { 'content-type': 'application/json', ...headers };
  const answer = http.request(method, baseUrl + path, body === null ? null : JSON.stringify(body), params);
  const told = COUNT.exec(answer.headers['Server-Timing'] || '');
  if (told) statements.add(Number(told[1]), { name });
}

// What a virtual user does each time: one request, chosen by its share of a thousand, and a pause where the scenario has one.
export function player(scenario) {
  const wanted = targets(scenario);
  const shares = Object.entries(wanted.asks);
  return (cast) => {
    let place = Math.random() * 1000;
    const [kind] = shares.find(([, share]) => (place -= share) < 0) || shares[0];
    KINDS[kind](cast);
    const long = pause(wanted);
    if (long > 0) sleep(long);
  };
}
