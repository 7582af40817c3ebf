-- Books, and who ordered them.

CREATE TABLE books (
    -- What the search's index knows it by; never changes, unlike a hidden row id.
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    isbn TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    author TEXT NOT NULL,
    description TEXT NOT NULL,
    price_cents INTEGER NOT NULL CHECK (price_cents BETWEEN 0 AND 100000000),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

-- Lists them.
CREATE INDEX books_created_at_id_idx ON books (created_at, id);
-- Lists an author's.
CREATE INDEX books_author_created_at_id_idx ON books (author, created_at, id);

-- The words. It keeps no text of its own.
CREATE VIRTUAL TABLE books_search USING fts5 (
    title, author, description, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 0'
);

CREATE TRIGGER books_search_insert AFTER INSERT ON books BEGIN
    INSERT INTO books_search (rowid, title, author, description) VALUES (new.number, new.title, new.author, new.description);
END;

CREATE TRIGGER books_search_delete AFTER DELETE ON books BEGIN
    DELETE FROM books_search WHERE rowid = old.number;
END;

CREATE TRIGGER books_search_update AFTER UPDATE OF title, author, description ON books BEGIN
    DELETE FROM books_search WHERE rowid = old.number;
    INSERT INTO books_search (rowid, title, author, description) VALUES (new.number, new.title, new.author, new.description);
END;

CREATE TABLE orders (
    id TEXT PRIMARY KEY NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    item_count INTEGER NOT NULL,
    total_quantity INTEGER NOT NULL,
    total_cents INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- Lists a person's orders.
CREATE INDEX orders_user_id_created_at_id_idx ON orders (user_id, created_at, id);

CREATE TABLE order_items (
    -- Looked at when a transaction ends: the items are written before their order, whose totals are theirs.
    order_id TEXT NOT NULL REFERENCES orders (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    -- Its place in the order, from 0.
    position INTEGER NOT NULL,
    -- Not a reference: an order tells what was bought also when the book is no longer sold.
    book_id TEXT NOT NULL,
    -- As they were when it was bought.
    title TEXT NOT NULL,
    author TEXT NOT NULL,
    quantity INTEGER NOT NULL CHECK (quantity > 0),
    unit_price_cents INTEGER NOT NULL CHECK (unit_price_cents >= 0),
    PRIMARY KEY (order_id, position)
) STRICT;
