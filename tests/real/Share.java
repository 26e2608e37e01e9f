import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;
import org.apache.kafka.common.config.ConfigResource;

/**
 * A member of a share group: `Share BOOTSTRAP GROUP TOPIC`. It is "ready" when the group reads from
 * the oldest record on. Each line of its input is a number: it takes as many records, or more, as
 * they come, acknowledges them, and answers "ok" and how many there were.
 */
public class Share {
  private static final long CONFIRM_S = 60;

  public static void main(String[] args) throws Exception {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", args[0]);
    try (Admin admin = Admin.create(settings)) {
      ConfigResource group = new ConfigResource(ConfigResource.Type.GROUP, args[1]);
      ConfigEntry oldest = new ConfigEntry("share.auto.offset.reset", "earliest");
      admin
          .incrementalAlterConfigs(
              Map.of(group, List.of(new AlterConfigOp(oldest, AlterConfigOp.OpType.SET))))
          .all()
          .get(CONFIRM_S, TimeUnit.SECONDS);
    }
    settings.put("group.id", args[1]);
    String bytes = "org.apache.kafka.common.serialization.ByteArrayDeserializer";
    settings.put("key.deserializer", bytes);
    settings.put("value.deserializer", bytes);
    settings.put("max.poll.records", "10");
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    try (KafkaShareConsumer<byte[], byte[]> consumer = new KafkaShareConsumer<>(settings)) {
      consumer.subscribe(List.of(args[2]));
      System.out.println("ready");
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        int wanted = Integer.parseInt(line);
        int taken = 0;
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(CONFIRM_S);
        while (taken < wanted && System.nanoTime() < deadline) {
          taken += consumer.poll(Duration.ofMillis(200)).count();
          consumer.commitSync();
        }
        System.out.println("ok " + taken);
      }
    }
  }
}
