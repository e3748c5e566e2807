-- Event time: the watermark says how late rows may come, and a window's result is final when the
-- watermark has passed its end. So the result only grows, and can be written to plain files.

CREATE TABLE clicks (
  user_id    STRING,
  page       STRING,
  click_time TIMESTAMP(3),
  WATERMARK FOR click_time AS click_time - INTERVAL '3' SECOND
) WITH (
  'connector' = 'filesystem',
  'path' = 'examples/data/clicks.jsonl',
  'format' = 'json'
);

CREATE TABLE clicks_per_window (
  window_start TIMESTAMP(3),
  window_end   TIMESTAMP(3),
  clicks       BIGINT,
  users        BIGINT
) WITH (
  'connector' = 'filesystem',
  'path' = 'examples/out/clicks-per-window',   -- a directory; each run adds files
  'format' = 'csv'
);

-- Windows of 20 seconds side by side.
INSERT INTO clicks_per_window
SELECT window_start, window_end, COUNT(*), COUNT(DISTINCT user_id)
FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(click_time), INTERVAL '20' SECOND))
GROUP BY window_start, window_end;

-- Sessions: a user's clicks with less than 10 seconds between them.
SELECT user_id, window_start, window_end, COUNT(*) AS clicks
FROM TABLE(
  SESSION(TABLE clicks PARTITION BY user_id, DESCRIPTOR(click_time), INTERVAL '10' SECOND))
GROUP BY user_id, window_start, window_end;
