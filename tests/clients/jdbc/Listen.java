// JDBC: fifty connections that listen and ask for getNotifications(), one that sends.

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.postgresql.PGConnection;
import org.postgresql.PGNotification;

class Listen {
    public static void main(String[] args) throws Exception {
        List<Connection> listeners = new ArrayList<>();
        for (int k = 0; k < 50; k++) {
            Connection connection = connect();
            // half of them in a transaction
            connection.setAutoCommit(k % 2 == 0);
            try (Statement statement = connection.createStatement()) {
                statement.execute("LISTEN news");
                statement.execute("LISTEN \"Odd\"");
            }
            if (k % 2 != 0) {
                connection.commit();
                connection.setAutoCommit(true);
            }
            listeners.add(connection);
        }
        try (Connection sender = connect();
             PreparedStatement notify = sender.prepareStatement("select pg_notify(?, ?)")) {
            for (int turn = 0; turn <= 10; turn++) {
                notify.setString(1, turn < 10 ? "news" : "Odd");
                notify.setString(2, Integer.toString(turn));
                notify.execute();
            }
        }
        for (Connection connection : listeners) {
            StringBuilder heard = new StringBuilder();
            for (int count = 0; count < 11; ) {
                PGNotification[] some = connection.unwrap(PGConnection.class).getNotifications(60_000);
                if (some == null || some.length == 0) {
                    throw new IllegalStateException("nothing more comes after " + heard);
                }
                for (PGNotification one : some) {
                    heard.append(one.getName()).append(' ').append(one.getParameter()).append("; ");
                    count++;
                }
            }
            System.out.println(heard);
            connection.close();
        }
    }

    private static Connection connect() throws Exception {
        Properties properties = new Properties();
        properties.setProperty("user", System.getenv("PGUSER"));
        properties.setProperty("password", System.getenv("PGPASSWORD"));
        String at = System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/" + System.getenv("PGDATABASE");
        return DriverManager.getConnection("jdbc:postgresql://" + at, properties);
    }
}
