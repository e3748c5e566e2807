-- A join of two files, and the best rows of each group: ROW_NUMBER() with a bound is a Top-N,
-- which keeps only the rows that can still win.

CREATE TABLE orders (
  order_id BIGINT,
  customer STRING,
  product  STRING,
  quantity INT,
  amount   DECIMAL(10, 2)
) WITH ('connector' = 'filesystem', 'path' = 'examples/data/orders.jsonl', 'format' = 'json');

CREATE TABLE products (
  name     STRING,
  category STRING,
  price    DECIMAL(10, 2),
  since    DATE
) WITH (
  'connector' = 'filesystem',
  'path' = 'examples/data/products.csv',
  'format' = 'csv',
  'csv.allow-comments' = 'true'
);

-- LEFT JOIN: orders of products that are not in the list stay, with NULL.
CREATE TEMPORARY VIEW categorised AS
SELECT o.order_id, COALESCE(p.category, 'unknown') AS category, o.product, o.amount
FROM orders AS o LEFT JOIN products AS p ON o.product = p.name;

SET 'sql-client.execution.result-mode' = 'table';

SELECT category, place, order_id, product, amount
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY category ORDER BY amount DESC) AS place
  FROM categorised
)
WHERE place <= 2;
