import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.rmi.registry.LocateRegistry;
import java.util.Map;
import javax.management.remote.JMXConnectionNotification;
import javax.management.remote.JMXConnectorServer;
import javax.management.remote.JMXConnectorServerFactory;
import javax.management.remote.JMXServiceURL;

/**
 * A JMX server that closes a connection idle for fewer than a JVM's 120 s: `Idle PORT MILLISECONDS`.
 *
 * <p>"closed N" is answered once N connections have been closed, with how many were opened. The
 * garbage is collected all the while, so that nothing lives on by chance.
 */
public final class Idle {
    private static int opened;
    private static int closed;

    private static synchronized void note(String type) {
        if (type.equals(JMXConnectionNotification.OPENED)) {
            opened++;
        } else {
            closed++;
        }
        Idle.class.notifyAll();
    }

    private static synchronized int awaitClosed(int count) throws InterruptedException {
        while (closed < count) {
            Idle.class.wait(50);
            System.gc();
        }
        return opened;
    }

    public static void main(String[] args) throws Exception {
        int port = Integer.parseInt(args[0]);
        LocateRegistry.createRegistry(port);
        String host = "rmi://127.0.0.1:" + port;
        JMXConnectorServer server = JMXConnectorServerFactory.newJMXConnectorServer(
            new JMXServiceURL("service:jmx:" + host + "/jndi/" + host + "/jmxrmi"),
            Map.of("jmx.remote.x.server.connection.timeout", Long.parseLong(args[1])),
            ManagementFactory.getPlatformMBeanServer());
        server.addNotificationListener((event, handback) -> note(event.getType()), null, null);
        server.start();
        System.out.println("ready");
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            System.out.println(awaitClosed(Integer.parseInt(line.split(" ")[1])));
        }
        System.exit(0);
    }
}
