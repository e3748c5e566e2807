-- Several INSERTs as one job: the file is read once, and both sinks are written from it. A view
-- gives the common part a name.

SET 'pipeline.name' = 'orders by size';
SET 'parallelism.default' = '2';

CREATE TABLE orders (
  order_id   BIGINT,
  customer   STRING,
  product    STRING,
  quantity   INT,
  amount     DECIMAL(10, 2),
  order_time TIMESTAMP(3),
  WATERMARK FOR order_time AS order_time - INTERVAL '5' SECOND
) WITH ('connector' = 'filesystem', 'path' = 'examples/data/orders.jsonl', 'format' = 'json');

CREATE TEMPORARY VIEW named_orders AS
SELECT * FROM orders WHERE customer IS NOT NULL;

-- One directory for each customer: examples/out/large-orders/customer=alice/part-...
CREATE TABLE large_orders (
  order_id BIGINT,
  amount   DECIMAL(10, 2),
  customer STRING
) PARTITIONED BY (customer) WITH (
  'connector' = 'filesystem',
  'path' = 'examples/out/large-orders',
  'format' = 'json'
);

-- Every change on standard output, for a table that is updated.
CREATE TABLE totals (
  customer STRING,
  orders   BIGINT,
  total    DECIMAL(38, 2)
) WITH ('connector' = 'print');

EXECUTE STATEMENT SET
BEGIN
  INSERT INTO large_orders SELECT order_id, amount, customer FROM named_orders WHERE amount > 250;
  INSERT INTO totals SELECT customer, COUNT(*), SUM(amount) FROM named_orders GROUP BY customer;
END;
