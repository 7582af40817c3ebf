-- Tells how large the file is: its pages, the free ones, and the size of one. It has no connections but this process' own.
SELECT 'sqlite', NULL, NULL, NULL, NULL, NULL, NULL, NULL, page_count, freelist_count, page_size
FROM pragma_page_count(), pragma_freelist_count(), pragma_page_size()
