// See docs/load-tests.md. Alone: k6 run -e BASE_URL=http://127.0.0.1:8080 tests/load/k6/health.js

import { player } from './parts/asks.js';
import { prepare } from './parts/cast.js';
import { options as planned } from './parts/plan.js';

export const options = planned('health');
export const setup = () => ({ ...prepare('health'), from: Date.now() });
export const load = player('health');
