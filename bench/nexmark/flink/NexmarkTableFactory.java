package riverkeeper.bench;

import java.util.Set;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.connector.datagen.source.DataGeneratorSource;
import org.apache.flink.connector.datagen.source.GeneratorFunction;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.connector.source.ScanTableSource;
import org.apache.flink.table.connector.source.SourceProvider;
import org.apache.flink.table.connector.source.abilities.SupportsProjectionPushDown;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.factories.DynamicTableSourceFactory;
import org.apache.flink.table.factories.FactoryUtil;
import org.apache.flink.table.types.DataType;

/** The connector {@code nexmark} for Flink: a bounded table on {@link DataGeneratorSource}. */
public final class NexmarkTableFactory implements DynamicTableSourceFactory {
    /** Consecutive events that go to one reader, as in river. */
    private static final long BLOCK_EVENTS = 1000;

    @Override
    public String factoryIdentifier() {
        return "nexmark";
    }

    @Override
    public Set<ConfigOption<?>> requiredOptions() {
        return NexmarkOptions.REQUIRED;
    }

    @Override
    public Set<ConfigOption<?>> optionalOptions() {
        return NexmarkOptions.OPTIONAL;
    }

    @Override
    public DynamicTableSource createDynamicTableSource(Context context) {
        FactoryUtil.TableFactoryHelper helper = FactoryUtil.createTableFactoryHelper(this, context);
        helper.validate();
        NexmarkOptions options = new NexmarkOptions(helper.getOptions());
        return new TableSource(options, context.getPhysicalRowDataType(), null);
    }

    private static final class TableSource
            implements ScanTableSource, SupportsProjectionPushDown {
        private final NexmarkOptions options;
        private DataType type;
        private int[][] projection;

        TableSource(NexmarkOptions options, DataType type, int[][] projection) {
            this.options = options;
            this.type = type;
            this.projection = projection;
        }

        @Override
        public boolean supportsNestedProjection() {
            return true;
        }

        @Override
        public void applyProjection(int[][] projectedFields, DataType producedType) {
            projection = projectedFields;
            type = producedType;
        }

        @Override
        public ChangelogMode getChangelogMode() {
            return ChangelogMode.insertOnly();
        }

        @Override
        public ScanRuntimeProvider getScanRuntimeProvider(ScanContext context) {
            TypeInformation<RowData> produced = context.createTypeInformation(type);
            return SourceProvider.of(new DataGeneratorSource<>(
                    new Events(options, projection), options.events, produced));
        }

        @Override
        public DynamicTableSource copy() {
            return new TableSource(options, type, projection);
        }

        @Override
        public String asSummaryString() {
            return "nexmark";
        }
    }

    /**
     * The event of a sequence number. {@link DataGeneratorSource} gives each reader one contiguous
     * range; mapped to every n-th block of events, so that all readers advance in event time
     * together and the watermark is not held back by a reader that starts hours later.
     */
    private static final class Events implements GeneratorFunction<Long, RowData> {
        private static final long serialVersionUID = 1L;

        private final long events;
        private final EventMaker maker;
        /** Column, or column and field, of each produced column; null: the whole row. */
        private final int[][] projection;
        private transient long readers;

        Events(NexmarkOptions options, int[][] projection) {
            this.events = options.events;
            this.projection = projection;
            this.maker = new EventMaker(options);
        }

        @Override
        public void open(SourceReaderContext context) {
            readers = context.currentParallelism();
            if (events % (readers * BLOCK_EVENTS) != 0) {
                throw new IllegalArgumentException(
                        "events.num must be a multiple of " + readers * BLOCK_EVENTS);
            }
        }

        @Override
        public RowData map(Long number) {
            long perReader = events / readers;
            long reader = number / perReader;
            long own = number % perReader;
            long block = own / BLOCK_EVENTS * readers + reader;
            return project(maker.event(block * BLOCK_EVENTS + own % BLOCK_EVENTS));
        }

        /** Leaves out what is not wanted; making it was cheap, as its texts are references. */
        private RowData project(GenericRowData row) {
            if (projection == null) {
                return row;
            }
            GenericRowData projected = new GenericRowData(projection.length);
            for (int i = 0; i < projection.length; i++) {
                Object value = row.getField(projection[i][0]);
                if (projection[i].length > 1 && value != null) {
                    value = ((GenericRowData) value).getField(projection[i][1]);
                }
                projected.setField(i, value);
            }
            return projected;
        }
    }
}
