-- GROUP BY over a stream never ends by itself, so its result is a table that changes. Each input
-- row gives a change: +I is a new row, -U and +U are a row before and after an update.

CREATE TABLE orders (
  order_id   BIGINT,
  customer   STRING,
  product    STRING,
  quantity   INT,
  amount     DECIMAL(10, 2),
  order_time TIMESTAMP(3)
) WITH (
  'connector' = 'filesystem',
  'path' = 'examples/data/orders.jsonl',
  'format' = 'json'
);

-- As it happens, one line a change.
SELECT customer, COUNT(*) AS orders, SUM(amount) AS total
FROM orders
WHERE order_id <= 8
GROUP BY customer;

-- The same kind of query shown as the table that remains once the file has been read.
SET 'sql-client.execution.result-mode' = 'table';

SELECT customer, COUNT(*) AS orders, COUNT(DISTINCT product) AS products, SUM(amount) AS total
FROM orders
GROUP BY customer;
