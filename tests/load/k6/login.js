// See docs/load-tests.md. Alone: k6 run -e BASE_URL=http://127.0.0.1:8080 tests/load/k6/login.js

import { player } from './parts/asks.js';
import { prepare } from './parts/cast.js';
import { options as planned } from './parts/plan.js';

export const options = planned('login');
export const setup = () => ({ ...prepare('login'), from: Date.now() });
export const load = player('login');
