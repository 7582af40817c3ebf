// What people say, made up.

const WORDS = `the a is we you it to of and in for on tomorrow today order parcel invoice arrived late early thanks please could send again
address number meeting moved train station lunch noon evening book copy price paid open closed hours window garden letter photo call back soon`.split(/\s+/);
const THINGS = ['Harbour', 'Lantern', 'Orchard', 'Winter', 'River', 'Clockmaker', 'Island', 'Letter', 'Garden', 'Mountain'];
const NAMES = ['Ada', 'Grace', 'Edsger', 'Barbara', 'Donald', 'Frances', 'Niklaus', 'Radia', 'Tony', 'Hedy', 'Alan', 'Katherine'];

export const SEARCHED = ['harbour', 'winter', 'garden', 'river'];

export function pick(from) {
  return from[Math.floor(Math.random() * from.length)];
}

export function address(number) {
  return `+1555010${String(number).padStart(4, '0')}`;
}

// 3 to 30 words, short ones more often than long ones.
export function text() {
  const length = 3 + Math.floor(28 * Math.random() * Math.random());
  return Array.from({ length }, () => pick(WORDS)).join(' ');
}

export function book(number) {
  return {
    isbn: isbn(number),
    title: `The ${THINGS[number % 10]} and the ${THINGS[(number * 7 + 3) % 10]}`,
    author: `${NAMES[number % 12]} ${NAMES[(number * 5 + 1) % 12]}son`,
    description: text(),
    price_cents: 500 + ((number * 37) % 4000),
  };
}

function isbn(number) {
  const digits = `97999${String(number).padStart(7, '0')}`;
  const sum = [...digits].reduce((sum_, digit, place) => sum_ + Number(digit) * (place % 2 === 0 ? 1 : 3), 0);
  return digits + String((10 - (sum % 10)) % 10);
}
