package com.github.nexmark.flink.udf;

import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.functions.ScalarFunction;

/** {@code count_char(text, character)} of query q14, under the suite's class name. */
public final class CountChar extends ScalarFunction {
    private static final long serialVersionUID = 1L;

    /** How often the first byte of {@code character} occurs in {@code text}; 0 for NULL. */
    public long eval(
            @DataTypeHint(value = "STRING", bridgedTo = StringData.class) StringData text,
            @DataTypeHint(value = "STRING", bridgedTo = StringData.class) StringData character) {
        long count = 0;
        if (text != null) {
            byte wanted = character.toBytes()[0];
            for (byte present : text.toBytes()) {
                if (present == wanted) {
                    count++;
                }
            }
        }
        return count;
    }
}
