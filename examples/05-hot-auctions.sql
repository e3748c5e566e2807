-- The auctions with the most bids in each 10 seconds, every 2 seconds: query 5 of the Nexmark
-- benchmark, over 20,000 events that the built-in generator makes.

CREATE TABLE nexmark (
  event_type INT,
  person ROW<id BIGINT, name STRING, emailAddress STRING, creditCard STRING, city STRING,
             state STRING, `dateTime` TIMESTAMP(3), extra STRING>,
  auction ROW<id BIGINT, itemName STRING, description STRING, initialBid BIGINT,
              reserve BIGINT, `dateTime` TIMESTAMP(3), expires TIMESTAMP(3), seller BIGINT,
              category BIGINT, extra STRING>,
  bid ROW<auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, url STRING,
          `dateTime` TIMESTAMP(3), extra STRING>,
  `dateTime` AS CASE event_type WHEN 0 THEN person.`dateTime`
                                WHEN 1 THEN auction.`dateTime` ELSE bid.`dateTime` END,
  WATERMARK FOR `dateTime` AS `dateTime` - INTERVAL '4' SECOND
) WITH (
  'connector' = 'nexmark',
  'events.num' = '20000',
  'first-event.rate' = '1000',   -- events of one second of event time; made as fast as they can be
  'next-event.rate' = '1000'
);

CREATE VIEW bids_per_window AS
SELECT window_start, window_end, bid.auction AS auction, COUNT(*) AS bids
FROM TABLE(HOP(TABLE nexmark, DESCRIPTOR(`dateTime`), INTERVAL '2' SECOND, INTERVAL '10' SECOND))
WHERE event_type = 2
GROUP BY window_start, window_end, bid.auction;

SELECT b.window_start, b.auction, b.bids
FROM bids_per_window AS b
JOIN (
  SELECT window_start, window_end, MAX(bids) AS most
  FROM bids_per_window
  GROUP BY window_start, window_end
) AS m
ON b.window_start = m.window_start AND b.window_end = m.window_end
WHERE b.bids >= m.most;
