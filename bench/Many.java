import java.lang.management.ManagementFactory;
import javax.management.MBeanServer;
import javax.management.ObjectName;

/** A JVM with as many MBeans as its argument says, of six attributes each: what a poll costs. */
public final class Many {
    public interface LogMBean {
        long getValue();
        double getRate();
        String getName();
        int getCount();
        boolean isOk();
        double getNan();
    }

    public static final class Log implements LogMBean {
        private long value;
        private final String name;

        Log(long value, String name) {
            this.value = value;
            this.name = name;
        }

        @Override public long getValue() { return value++; }
        @Override public double getRate() { return value * 0.5; }
        @Override public String getName() { return name; }
        @Override public int getCount() { return (int) value; }
        @Override public boolean isOk() { return true; }
        @Override public double getNan() { return Double.NaN; }
    }

    public static void main(String[] args) throws Exception {
        MBeanServer server = ManagementFactory.getPlatformMBeanServer();
        int count = Integer.parseInt(args[0]);
        for (int i = 0; i < count; i++) {
            String topic = "topic=t" + i / 10 + ",partition=" + i % 10;
            server.registerMBean(
                new Log(i, "n" + i), new ObjectName("kafka.log:type=Log,name=LogEndOffset," + topic));
        }
        System.out.println("ready");
        while (System.in.read() >= 0) { }
    }
}
