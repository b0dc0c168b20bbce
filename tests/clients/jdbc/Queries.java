// JDBC in several threads at once: prepared at the first use, fetch size, batches, transactions, COPY, cancelling.

import java.io.ByteArrayOutputStream;
import java.io.StringReader;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.SQLWarning;
import java.sql.Savepoint;
import java.sql.Statement;
import java.sql.Types;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyIn;
import org.postgresql.copy.CopyManager;

class Queries implements Callable<String> {
    private final StringBuilder said = new StringBuilder();
    private final String table;
    private final String[] options;

    Queries(int number, String[] options) {
        this.table = "stock" + number;
        this.options = options;
    }

    /** The first argument says how many at once, the others are properties of the driver. */
    public static void main(String[] args) throws Exception {
        int threads = Integer.parseInt(args[0]);
        String[] options = Arrays.copyOfRange(args, 1, args.length);
        ExecutorService executor = Executors.newFixedThreadPool(threads);
        List<Future<String>> all = new ArrayList<>();
        for (int k = 0; k < threads; k++) {
            all.add(executor.submit(new Queries(k, options)));
        }
        executor.shutdown();
        String first = all.get(0).get();
        System.out.print(first);
        for (Future<String> one : all) {
            if (!one.get().equals(first)) {
                System.out.print("another thread has seen something else:\n" + one.get());
            }
        }
    }

    private void say(Object... words) {
        for (Object word : words) {
            said.append(word instanceof Object[] list ? Arrays.deepToString(list) : String.valueOf(word)).append(' ');
        }
        said.append('\n');
    }

    private Connection connect() throws SQLException {
        Properties properties = new Properties();
        properties.setProperty("user", System.getenv("PGUSER"));
        properties.setProperty("password", System.getenv("PGPASSWORD"));
        for (String option : options) {
            String[] parts = option.split("=");
            properties.setProperty(parts[0], parts[1]);
        }
        return DriverManager.getConnection("jdbc:postgresql://" + System.getenv("PGHOST") + ":"
                + System.getenv("PGPORT") + "/" + System.getenv("PGDATABASE"), properties);
    }

    @Override
    public String call() throws Exception {
        try (Connection conn = connect()) {
            try (Statement statement = conn.createStatement()) {
                statement.execute("drop table if exists " + table);
                statement.execute("create table " + table + " (id int primary key, name text, price numeric)");
            }
            results(conn);
            batches(conn);
            fetched(conn);
            errors(conn);
            transactions(conn);
            copies(conn);
            timeouts(conn);
            warnings(conn);
            try (Statement statement = conn.createStatement()) {
                statement.execute("drop table " + table);
            }
        }
        return said.toString();
    }

    private void results(Connection conn) throws SQLException {
        say("results", conn.isValid(5), conn.getMetaData().getDatabaseMajorVersion());
        try (PreparedStatement one = conn.prepareStatement("select cast(? as int) + 1, ?, cast(? as numeric), cast(? as bytea), cast(? as timestamp)")) {
            for (int k = 0; k < 12; k++) {
                one.setInt(1, k);
                one.setString(2, "täxt " + k);
                one.setBigDecimal(3, new BigDecimal("1.5").multiply(BigDecimal.valueOf(k)));
                one.setString(4, "\\x000" + k % 10);
                one.setString(5, "2024-02-29 12:00:0" + k % 10);
                try (ResultSet rows = one.executeQuery()) {
                    rows.next();
                    say(rows.getInt(1), rows.getString(2), rows.getBigDecimal(3), Arrays.toString(rows.getBytes(4)), rows.getString(5));
                }
            }
        }
        int sum = 0;
        for (int turn = 0; turn < 6; turn++) {
            for (int k = 0; k < 20; k++) {
                try (PreparedStatement one = conn.prepareStatement("select ? + " + k)) {
                    one.setInt(1, turn);
                    try (ResultSet rows = one.executeQuery()) {
                        rows.next();
                        sum += rows.getInt(1);
                    }
                }
            }
        }
        say("sum", sum);
        try (Statement many = conn.createStatement()) {
            boolean rows = many.execute("select 1; select 2, 3; update " + table + " set id = 1 where false; select 4");
            while (rows || many.getUpdateCount() >= 0) {
                say(rows ? "rows" : "count " + many.getUpdateCount());
                rows = many.getMoreResults();
            }
        }
        try (ResultSet keys = conn.getMetaData().getPrimaryKeys(null, null, table)) {
            keys.next();
            say(keys.getString("COLUMN_NAME"));
        }
    }

    private void batches(Connection conn) throws SQLException {
        try (PreparedStatement insert = conn.prepareStatement("insert into " + table + " values (?, ?, ?)")) {
            for (int k = 0; k < 700; k++) {
                insert.setInt(1, k);
                insert.setString(2, "stock " + k);
                insert.setNull(3, Types.NUMERIC);
                insert.addBatch();
            }
            say("batch", Arrays.stream(insert.executeBatch()).map(Math::abs).sum());
            for (int k : new int[] {1000, 1001, 5, 1002}) {
                insert.setInt(1, k);
                insert.setString(2, "again");
                insert.setNull(3, Types.NUMERIC);
                insert.addBatch();
            }
            insert.executeBatch();
        } catch (java.sql.BatchUpdateException error) {
            say(error.getSQLState(), Arrays.toString(error.getUpdateCounts()));
        }
        try (Statement different = conn.createStatement()) {
            different.addBatch("update " + table + " set price = 1 where id < 10");
            different.addBatch("update " + table + " set price = 2 where id < 5");
            say(Arrays.toString(different.executeBatch()));
        }
    }

    private void fetched(Connection conn) throws SQLException {
        conn.setAutoCommit(false);
        try (PreparedStatement select = conn.prepareStatement("select id from " + table + " where id >= ? order by id")) {
            for (int turn = 0; turn < 3; turn++) {
                select.setFetchSize(64);
                select.setInt(1, turn);
                long sum = 0;
                try (ResultSet rows = select.executeQuery();
                        PreparedStatement other = conn.prepareStatement("select ? * 2")) {
                    while (rows.next()) {
                        sum += rows.getInt(1);
                        if (rows.getInt(1) % 100 == 0) {
                            other.setInt(1, rows.getInt(1));
                            try (ResultSet doubled = other.executeQuery()) {
                                doubled.next();
                                sum += doubled.getInt(1);
                            }
                        }
                    }
                }
                say("fetched", sum);
                conn.commit();
            }
            select.setInt(1, 0);
            try (ResultSet rows = select.executeQuery()) {
                rows.next();
                say("left early", rows.getInt(1));
            }
            conn.rollback();
        }
        conn.setAutoCommit(true);
    }

    private void errors(Connection conn) throws SQLException {
        for (String sql : new String[] {"select 1 / cast(? as int)", "select * from no_such_table where 0 = ?", "selekt ?",
                "insert into " + table + " values (?, 'twice')"}) {
            for (int turn = 0; turn < 3; turn++) {
                try (PreparedStatement wrong = conn.prepareStatement(sql)) {
                    wrong.setInt(1, 0);
                    wrong.execute();
                    say("no error", sql);
                } catch (SQLException error) {
                    say(error.getSQLState());
                }
            }
        }
    }

    private void transactions(Connection conn) throws SQLException {
        conn.setAutoCommit(false);
        try (PreparedStatement update = conn.prepareStatement("update " + table + " set name = name || ? where id = ?")) {
            for (int k = 0; k < 14; k++) {
                update.setString(1, "!");
                update.setInt(2, k % 7);
                update.executeUpdate();
                if (k % 2 == 0) {
                    conn.commit();
                } else {
                    conn.rollback();
                }
            }
            Savepoint savepoint = conn.setSavepoint("here");
            update.setString(1, "?");
            update.setInt(2, 0);
            update.executeUpdate();
            conn.rollback(savepoint);
            conn.commit();
        }
        try (Statement statement = conn.createStatement()) {
            try (ResultSet rows = statement.executeQuery("select string_agg(name, ',' order by id) from " + table + " where id < 8")) {
                rows.next();
                say(rows.getString(1));
            }
            conn.commit();
            conn.setReadOnly(true);
            try {
                statement.executeUpdate("delete from " + table);
            } catch (SQLException error) {
                say(error.getSQLState());
            }
            conn.rollback();
            conn.setReadOnly(false);
        }
        conn.setAutoCommit(true);
    }

    private void copies(Connection conn) throws Exception {
        CopyManager copies = conn.unwrap(PGConnection.class).getCopyAPI();
        StringBuilder lines = new StringBuilder();
        for (int k = 2000; k < 6000; k++) {
            lines.append(k).append(",copied ").append(k).append(",0.5\n");
        }
        say(copies.copyIn("copy " + table + " from stdin (format csv)", new StringReader(lines.toString())));
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        say(copies.copyOut("copy (select * from " + table + " where id >= 5998 order by id) to stdout", out));
        say(out.toString(StandardCharsets.UTF_8));
        try {
            copies.copyIn("copy " + table + " from stdin (format csv)", new StringReader("x,y,z\n"));
        } catch (SQLException error) {
            say(error.getSQLState());
        }
        CopyIn given = copies.copyIn("copy " + table + " from stdin");
        byte[] line = "9000\tgiven up\t1\n".getBytes(StandardCharsets.UTF_8);
        given.writeToCopy(line, 0, line.length);
        given.cancelCopy();
        try (Statement statement = conn.createStatement();
                ResultSet rows = statement.executeQuery("select count(*) from " + table)) {
            rows.next();
            say(rows.getInt(1));
        }
    }

    private void timeouts(Connection conn) throws SQLException {
        try (Statement sleeper = conn.createStatement()) {
            sleeper.setQueryTimeout(1);
            sleeper.execute("select pg_sleep(60)");
        } catch (SQLException error) {
            say("timed out", error.getSQLState());
        }
        try (PreparedStatement after = conn.prepareStatement("select ?")) {
            after.setInt(1, 7);
            try (ResultSet rows = after.executeQuery()) {
                rows.next();
                say(rows.getInt(1));
            }
        }
    }

    private void warnings(Connection conn) throws SQLException {
        try (Statement statement = conn.createStatement()) {
            statement.execute("do $$ begin raise notice 'said'; raise warning 'shouted'; end $$");
            for (SQLWarning one = statement.getWarnings(); one != null; one = one.getNextWarning()) {
                say(one.getSQLState(), one.getMessage());
            }
        }
    }
}
