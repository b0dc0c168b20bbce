// JDBC as a connection pool uses it (HikariCP's calls, with settings beside the defaults), and notifications.

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Properties;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;

class Session {
    private static final String COPY = System.getenv("COPY") == null ? "" : System.getenv("COPY");

    public static void main(String[] args) throws Exception {
        switch (args[0]) {
            case "pool" -> pool();
            case "notifications" -> notifications();
            default -> throw new IllegalArgumentException(args[0]);
        }
    }

    private static void say(Object... words) {
        for (Object word : words) {
            System.out.print(String.valueOf(word).replace("tenant" + COPY, "tenant") + " ");
        }
        System.out.println();
    }

    private static Connection connect(String... options) throws SQLException {
        Properties properties = new Properties();
        properties.setProperty("user", System.getenv("PGUSER"));
        properties.setProperty("password", System.getenv("PGPASSWORD"));
        for (String option : options) {
            String[] parts = option.split("=", 2);
            properties.setProperty(parts[0], parts[1]);
        }
        return DriverManager.getConnection("jdbc:postgresql://" + System.getenv("PGHOST") + ":"
                + System.getenv("PGPORT") + "/" + System.getenv("PGDATABASE"), properties);
    }

    private static String show(Connection conn, String sql) throws SQLException {
        try (PreparedStatement one = conn.prepareStatement(sql); ResultSet rows = one.executeQuery()) {
            rows.next();
            return rows.getString(1);
        }
    }

    /** What HikariCP does when it makes, lends and takes back a connection. */
    private static void pool() throws Exception {
        String schema = "tenant" + COPY;
        try (Connection conn = connect(); Statement statement = conn.createStatement()) {
            statement.execute("create schema if not exists " + schema);
            statement.execute("create table if not exists " + schema + ".orders (id int, note text)");
        }
        try (Connection conn = connect("ApplicationName=shop", "currentSchema=" + schema + ",public",
                "options=-c statement_timeout=44s", "reWriteBatchedInserts=true")) {
            say(show(conn, "show application_name"), show(conn, "show search_path"), show(conn, "show statement_timeout"));
            conn.setNetworkTimeout(Runnable::run, 250000);
            conn.setReadOnly(false);
            conn.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
            conn.setCatalog(System.getenv("PGDATABASE"));
            conn.setSchema(schema);
            conn.setAutoCommit(false);
            for (int turn = 0; turn < 8; turn++) {
                say(conn.isValid(5), conn.getSchema(), conn.getTransactionIsolation(), conn.isReadOnly());
                try (PreparedStatement insert = conn.prepareStatement("insert into orders values (?, ?)")) {
                    for (int k = 0; k < 5; k++) {
                        insert.setInt(1, turn * 10 + k);
                        insert.setString(2, "order");
                        insert.addBatch();
                    }
                    insert.executeBatch();
                }
                say(show(conn, "show transaction_isolation"), show(conn, "select count(*) from orders"));
                if (turn % 2 == 0) {
                    conn.commit();
                } else {
                    conn.rollback();
                }
                // given back dirty: the pool sets everything as it was
                conn.setReadOnly(true);
                try {
                    show(conn, "insert into orders values (0) returning id");
                } catch (SQLException error) {
                    say(error.getSQLState());
                }
                conn.rollback();
                conn.setReadOnly(false);
                conn.setTransactionIsolation(Connection.TRANSACTION_READ_COMMITTED);
                say(show(conn, "show transaction_isolation"), show(conn, "show application_name"));
                conn.rollback();
                conn.setTransactionIsolation(Connection.TRANSACTION_REPEATABLE_READ);
                conn.clearWarnings();
            }
            conn.setAutoCommit(true);
            conn.setClientInfo("ApplicationName", "another");
            conn.setSchema("public");
            for (int turn = 0; turn < 6; turn++) {
                say(show(conn, "show application_name"), conn.getSchema(), show(conn, "show extra_float_digits"));
                try (Statement statement = conn.createStatement()) {
                    statement.setQueryTimeout(30);
                    statement.execute("set statement_timeout = '" + (50 + turn) + "s'");
                }
                say(show(conn, "show statement_timeout"), show(conn, "select current_setting('TimeZone')"));
            }
        }
        try (Connection conn = connect(); Statement statement = conn.createStatement()) {
            say(show(conn, "show search_path"), show(conn, "show statement_timeout"), conn.getTransactionIsolation());
            statement.execute("drop schema " + schema + " cascade");
        }
    }

    private static void notifications() throws Exception {
        String channel = "orders" + COPY;
        try (Connection conn = connect(); Connection teller = connect();
                Statement listen = conn.createStatement(); Statement tell = teller.createStatement()) {
            PGConnection listener = conn.unwrap(PGConnection.class);
            listen.execute("listen " + channel);
            for (int k = 0; k < 4; k++) {
                tell.execute("notify " + channel + ", 'number " + k + "'");
            }
            int count = 0;
            while (count < 4) {
                PGNotification[] notes = listener.getNotifications(60000);
                for (PGNotification note : notes) {
                    say(note.getName().replace(channel, ""), note.getParameter());
                    count += 1;
                }
            }
            listen.execute("unlisten *");
            tell.execute("notify " + channel);
            say(show(conn, "select 1"), listener.getNotifications() == null || listener.getNotifications().length == 0);
        }
    }
}
