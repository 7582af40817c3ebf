-- Books, and who ordered them.

CREATE TABLE books (
    id uuid PRIMARY KEY,
    isbn text NOT NULL UNIQUE,
    title text NOT NULL,
    author text NOT NULL,
    description text NOT NULL,
    price_cents bigint NOT NULL CHECK (price_cents BETWEEN 0 AND 100000000),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    search tsvector NOT NULL GENERATED ALWAYS AS (
        setweight(to_tsvector('simple', words_of(title)), 'A')
        || setweight(to_tsvector('simple', words_of(author)), 'B')
        || setweight(to_tsvector('simple', words_of(description)), 'C')
    ) STORED
);

-- Lists them.
CREATE INDEX books_created_at_id_idx ON books (created_at, id);
-- Lists an author's.
CREATE INDEX books_author_created_at_id_idx ON books (author, created_at, id);
CREATE INDEX books_search_idx ON books USING gin (search);

CREATE TABLE orders (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    item_count bigint NOT NULL,
    total_quantity bigint NOT NULL,
    total_cents bigint NOT NULL,
    created_at timestamptz NOT NULL
);

-- Lists a person's orders.
CREATE INDEX orders_user_id_created_at_id_idx ON orders (user_id, created_at, id);

CREATE TABLE order_items (
    -- Looked at when a transaction ends: the items are written before their order, whose totals are theirs.
    order_id uuid NOT NULL REFERENCES orders (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    -- Its place in the order, from 0.
    position bigint NOT NULL,
    -- Not a reference: an order tells what was bought also when the book is no longer sold.
    book_id uuid NOT NULL,
    -- As they were when it was bought.
    title text NOT NULL,
    author text NOT NULL,
    quantity bigint NOT NULL CHECK (quantity > 0),
    unit_price_cents bigint NOT NULL CHECK (unit_price_cents >= 0),
    PRIMARY KEY (order_id, position)
);
