-- A first query: rows of a CSV file, filtered and computed.
-- Run it from the root of the repository: river run examples/01-hello.sql

CREATE TABLE products (
  name     STRING,
  category STRING,
  price    DECIMAL(10, 2),
  since    DATE
) WITH (
  'connector' = 'filesystem',
  'path' = 'examples/data/products.csv',   -- relative to where river is started
  'format' = 'csv',
  'csv.allow-comments' = 'true'            -- lines that start with #
);

SELECT name, price, CAST(price * 1.2 AS DECIMAL(10, 2)) AS with_tax, YEAR(since) AS since_year
FROM products
WHERE category <> 'kitchen';
