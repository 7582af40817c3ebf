// What a scenario is loaded with and held to: ../../thresholds.json, which `portico loadtest` reads too.
//
// BASE_URL, SECONDS, RATE or USERS (with PAUSE_MS), MOST_IN_FLIGHT, TIME_LIMIT_MS and THRESHOLDS (all, counts, none) change it.

const file = JSON.parse(open('../../thresholds.json'));

export const baseUrl = (__ENV.BASE_URL || 'http://127.0.0.1:8080').replace(/\/+$/, '');
export const timeLimit = `${number('TIME_LIMIT_MS', 10000)}ms`;

// How long the load rises before it is measured.
const WARM_UP = 3;

export function number(name, otherwise) {
  const text = __ENV[name];
  if (text === undefined || text === '') return otherwise;
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0) throw new Error(`${name} must be a number, and is ${text}`);
  return value;
}

export function targets(scenario) {
  return { ...file.all, ...file[scenario] };
}

// The options of a scenario: it rises to its load, and then holds it, which is what counts.
export function options(scenario) {
  const wanted = targets(scenario);
  const seconds = number('SECONDS', wanted.seconds);
  return {
    scenarios: {
      warm_up: { ...rising(wanted), exec: 'load', gracefulStop: timeLimit },
      load: { ...steady(wanted, seconds), exec: 'load', startTime: `${WARM_UP}s`, gracefulStop: timeLimit },
    },
    thresholds: thresholds(wanted),
    summaryTrendStats: ['avg', 'min', 'med', 'p(90)', 'p(95)', 'p(99)', 'p(99.9)', 'max'],
    discardResponseBodies: true,
    setupTimeout: '5m',
    userAgent: 'portico-k6/1',
  };
}

function users(wanted) {
  return number('USERS', wanted.users);
}

// A rate a minute, because k6 takes whole numbers.
function perMinute(wanted) {
  const rate = number('RATE', wanted.per_second);
  if (rate === undefined) throw new Error('RATE says how many requests a second are sent; `tests/load/run` finds out what the server can do');
  return Math.max(1, Math.round(rate * 60));
}

function isByUsers(wanted) {
  return __ENV.USERS ? true : !__ENV.RATE && wanted.users !== undefined;
}

function rising(wanted) {
  if (isByUsers(wanted)) {
    return { executor: 'ramping-vus', startVUs: 1, stages: [{ target: users(wanted), duration: `${WARM_UP}s` }] };
  }
  return {
    executor: 'ramping-arrival-rate',
    startRate: 1,
    timeUnit: '1m',
    stages: [{ target: perMinute(wanted), duration: `${WARM_UP}s` }],
    ...virtualUsers(wanted),
  };
}

function steady(wanted, seconds) {
  if (isByUsers(wanted)) return { executor: 'constant-vus', vus: users(wanted), duration: `${seconds}s` };
  return {
    executor: 'constant-arrival-rate',
    rate: perMinute(wanted),
    timeUnit: '1m',
    duration: `${seconds}s`,
    ...virtualUsers(wanted),
  };
}

// As many as a tenth of a second's requests at first, and more where answers take longer.
function virtualUsers(wanted) {
  const most = number('MOST_IN_FLIGHT', 1000);
  return { preAllocatedVUs: Math.min(most, 20 + Math.ceil(perMinute(wanted) / 600)), maxVUs: most };
}

function thresholds(wanted) {
  const judged = __ENV.THRESHOLDS || 'all';
  const limits = {};
  if (judged === 'none') return limits;
  const latency = [];
  if (judged === 'all') {
    for (const [name, place] of [['p50_ms', 50], ['p95_ms', 95], ['p99_ms', 99]]) {
      if (typeof wanted[name] === 'number') latency.push(`p(${place})<=${wanted[name]}`);
    }
  }
  if (latency.length > 0) limits['http_req_duration{scenario:load}'] = latency;
  limits['http_req_failed{scenario:load}'] = [`rate<=${wanted.error_rate}`];
  limits['statements{scenario:load}'] = [`max<=${wanted.statements}`];
  return limits;
}

// How long a user pauses between requests: half to one and a half of what is set.
export function pause(wanted) {
  const mean = number('PAUSE_MS', __ENV.USERS ? 0 : wanted.pause_ms || 0);
  return (mean * (0.5 + Math.random())) / 1000;
}
